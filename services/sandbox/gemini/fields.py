"""The members of a generateContent request, message by message, as Google's protocol buffers know them.

A kind is `text`, `int`, `number`, `flag`, `bytes`, `json` (anything), `object`, an enumeration of ENUMS or another
message; `[kind]` is a list of it, `{kind}` a map.
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference and google-genai's converters to Vertex.
"""

from collections.abc import Mapping


def _members(text: str) -> Mapping[str, str]:
    return dict(word.split(":", 1) for word in text.split())


# In the order of their numbers: SDKs that talk through protocol buffers may send those.
ENUMS: Mapping[str, tuple[str, ...]] = {
    "Type": ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"),
    "Mode": ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"),
    "ThinkingLevel": ("THINKING_LEVEL_UNSPECIFIED", "LOW", "MEDIUM", "HIGH", "MINIMAL"),
    "HarmCategory": (
        "HARM_CATEGORY_UNSPECIFIED",
        "HARM_CATEGORY_HATE_SPEECH",
        "HARM_CATEGORY_DANGEROUS_CONTENT",
        "HARM_CATEGORY_HARASSMENT",
        "HARM_CATEGORY_SEXUALLY_EXPLICIT",
        "HARM_CATEGORY_CIVIC_INTEGRITY",
        "HARM_CATEGORY_JAILBREAK",
    ),
    "Threshold": (
        "HARM_BLOCK_THRESHOLD_UNSPECIFIED",
        "BLOCK_LOW_AND_ABOVE",
        "BLOCK_MEDIUM_AND_ABOVE",
        "BLOCK_ONLY_HIGH",
        "BLOCK_NONE",
        "OFF",
    ),
    "Method": ("HARM_BLOCK_METHOD_UNSPECIFIED", "SEVERITY", "PROBABILITY"),
    "Modality": ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO"),
    "Resolution": (
        "MEDIA_RESOLUTION_UNSPECIFIED",
        "MEDIA_RESOLUTION_LOW",
        "MEDIA_RESOLUTION_MEDIUM",
        "MEDIA_RESOLUTION_HIGH",
    ),
}

_REQUEST = _members(
    """
    contents:[Content] systemInstruction:Content cachedContent:text tools:[Tool] toolConfig:ToolConfig labels:{text}
    safetySettings:[SafetySetting] modelArmorConfig:object generationConfig:GenerationConfig serviceTier:text
    """
)
MESSAGES: Mapping[str, Mapping[str, str]] = {
    "GenerateContentRequest": _REQUEST,
    "CountTokensRequest": _members(
        """
        model:text instances:json contents:[Content] systemInstruction:Content tools:[Tool]
        generationConfig:GenerationConfig
        """
    ),
    "Content": _members("role:text parts:[Part]"),
    "Part": _members(
        """
        text:text inlineData:Blob fileData:FileData functionCall:FunctionCall functionResponse:FunctionResponse
        executableCode:object codeExecutionResult:object videoMetadata:object mediaResolution:json thought:flag
        thoughtSignature:bytes
        """
    ),
    "Blob": _members("mimeType:text data:text displayName:text"),
    "FileData": _members("mimeType:text fileUri:text displayName:text"),
    "FunctionCall": _members("id:text name:text args:object partialArgs:json willContinue:flag"),
    "FunctionResponse": _members("id:text name:text response:object parts:json willContinue:flag scheduling:text"),
    "Tool": _members(
        """
        functionDeclarations:[FunctionDeclaration] retrieval:object googleSearch:object googleSearchRetrieval:object
        googleMaps:object enterpriseWebSearch:object parallelAiSearch:object exaAiSearch:object codeExecution:object
        urlContext:object computerUse:object
        """
    ),
    "FunctionDeclaration": _members(
        "name:text description:text parameters:Schema parametersJsonSchema:json response:Schema responseJsonSchema:json"
    ),
    "ToolConfig": _members("functionCallingConfig:FunctionCallingConfig retrievalConfig:object"),
    "FunctionCallingConfig": _members("mode:Mode allowedFunctionNames:[text] streamFunctionCallArguments:flag"),
    "SafetySetting": _members("category:HarmCategory threshold:Threshold method:Method"),
    "GenerationConfig": _members(
        """
        temperature:number topP:number topK:number candidateCount:int maxOutputTokens:int stopSequences:[text]
        responseLogprobs:flag logprobs:int presencePenalty:number frequencyPenalty:number seed:int
        responseMimeType:text responseSchema:Schema responseJsonSchema:json routingConfig:object audioTimestamp:flag
        responseModalities:[Modality] mediaResolution:Resolution speechConfig:object thinkingConfig:ThinkingConfig
        modelConfig:object imageConfig:object enableAffectiveDialog:flag
        """
    ),
    "ThinkingConfig": _members("includeThoughts:flag thinkingBudget:int thinkingLevel:ThinkingLevel"),
    "Schema": _members(
        """
        type:Type format:text title:text description:text nullable:flag default:json items:Schema minItems:int
        maxItems:int enum:[text] properties:{Schema} propertyOrdering:[text] required:[text] minProperties:int
        maxProperties:int minimum:number maximum:number minLength:int maxLength:int pattern:text example:json
        anyOf:[Schema] additionalProperties:json ref:text defs:{Schema}
        """
    ),
}
