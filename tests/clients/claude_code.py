"""What Claude Code sends: its headers and the body of one turn in the middle of its work."""

from typing import Any

BETAS = (
    "claude-code-20250219",
    "oauth-2025-04-20",
    "interleaved-thinking-2025-05-14",
    "fine-grained-tool-streaming-2025-05-14",
    "context-management-2025-06-27",
    "prompt-caching-scope-2026-01-05",
    "thinking-token-count-2026-05-13",
)
NAMES = (
    *("Task", "TaskOutput", "Bash", "Glob", "Grep", "ExitPlanMode", "Read", "Edit", "Write", "NotebookEdit"),
    *("WebFetch", "TodoWrite", "WebSearch", "KillShell", "AskUserQuestion", "Skill", "EnterPlanMode"),
    "mcp__github__search_issues",
    "mcp__plugin_project-management_issue-tracker__list_comments_of_issue",
)
CACHED = {"type": "ephemeral"}
SHARED = {"type": "ephemeral", "scope": "global"}
CALL = "toolu_01A09q90qw90lq917835lq9"


def headers(key: str) -> dict[str, str]:
    """As with ANTHROPIC_AUTH_TOKEN: a bearer token, no x-api-key."""
    return {
        "Authorization": f"Bearer {key}",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": ",".join(BETAS),
        "anthropic-dangerous-direct-browser-access": "true",
        "x-app": "cli",
        "User-Agent": "claude-cli/2.1.4 (external, cli)",
        "X-Stainless-Lang": "js",
        "X-Stainless-Retry-Count": "0",
        "X-Stainless-Timeout": "600",
        "accept": "application/json",
    }


def tool(name: str) -> dict[str, Any]:
    """One of its many: a long description, a schema with all that JSON Schema has."""
    return {
        "name": name,
        "description": f"{name}: does what its name says.\n\nUsage:\n" + "- mind the usual things\n" * 20,
        "input_schema": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {
                "file_path": {"type": "string", "description": "The absolute path"},
                "limit": {"type": "number", "exclusiveMinimum": 0},
                "mode": {"type": "string", "enum": ["content", "files_with_matches", "count"]},
                "edits": {"type": "array", "items": {"type": "object", "properties": {"old": {"type": "string"}}}},
            },
            "required": ["file_path"],
            "additionalProperties": False,
        },
    }


def request(model: str, text: str, **more: Any) -> dict[str, Any]:
    """A turn after a tool was called: the prompt's beginning cached, thinking on, streamed."""
    return {
        "model": model,
        "max_tokens": 32000,
        "stream": True,
        "metadata": {"user_id": f"user_{'5f2c' * 16}_account_{'0' * 36}_session_{'0' * 36}"},
        "thinking": {"type": "enabled", "budget_tokens": 10000},
        "system": [
            {
                "type": "text",
                "text": "You are Claude Code, Anthropic's official CLI for Claude.",
                "cache_control": SHARED,
            },
            {"type": "text", "text": "You are an interactive tool.\n" + "Be concise.\n" * 200, "cache_control": CACHED},
        ],
        "tools": [tool(name) for name in NAMES],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "<system-reminder>\nToday is a Friday.\n</system-reminder>\n"},
                    {"type": "text", "text": "What is in the README?"},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "I'll read it."},
                    {"type": "tool_use", "id": CALL, "name": "Read", "input": {"file_path": "/repo/README.md"}},
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": CALL, "content": "     1→# A project\n"}],
            },
            {"role": "assistant", "content": [{"type": "text", "text": "It names a project."}]},
            {"role": "user", "content": [{"type": "text", "text": text, "cache_control": CACHED}]},
        ],
        **more,
    }
