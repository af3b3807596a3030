"""The cue words themselves, in English and French: what a number, a date or a key near them is."""

from collections.abc import Mapping
from enum import StrEnum


class Cue(StrEnum):
    """What a word near a number says of it."""

    PHONE = "phone"
    SIN = "sin"
    SSN = "ssn"
    HEALTH = "health"
    CARD = "card"
    BANK = "bank"
    TRANSIT = "transit"
    INSTITUTION = "institution"
    ROUTING = "routing"
    IBAN = "iban"
    PASSPORT = "passport"
    TRAVEL = "travel"  # of people who cross a border: a number laid out like a passport's then is one
    LICENCE = "licence"
    BIRTH = "birth"
    AGE = "age"
    SECRET = "secret"  # noqa: S105 - the name of a cue
    PIN = "pin"
    POSTAL = "postal"
    ADDRESS = "address"
    IP = "ip"
    VERSION = "version"  # of a program: four numbers with dots are no address
    OTHER = "other"  # a number of something that is nobody's: an order, a part, a version
    UNIT = "unit"
    BOX = "box"


# Folded: no accents, lower case. A line's end or `|` parts phrases; word borders are checked where they are found.
PHRASES: Mapping[Cue, str] = {
    Cue.PHONE: """
message|messages|registered|answering|answer|office|tele|telephonenum|tele number|bip|dect|poste|ext
joignable au|rappel|phone|phones|phone number|telephone|telephones|telephone number|tel|tels|cell|cellphone|cellulaire
cell phone|mobile|mob|call|called|calling|fax|telecopieur|telec|contact|reach|reached|dial|texted|sms|whatsapp
my number|portable|gsm|joindre|joignable|joignables|appelez|appeler|appelle|appellez|rappeler|rappelez
numero de tel|coordonnees|desk|hotline|voicemail|boite vocale|texto|phonenumber|phone_number|tel no|tph
home number|work number|office number|direct line|ligne directe|toll free|sans frais|numero de cell|signal|viber
home|work|office|domicile|travail|phoneno|notelephone|numerotelephone|no_tel|emergency contact|reference
ph|ph.|ph#|ph no|tel.|res.|bur.|cell.
""",
    Cue.SIN: """
socialinsurancenumber|sinnumber|sin_number|numeronas|no_nas|nonas
sin|sin number|social insurance|social insurance number|n.a.s.|s.i.n|s.i.n.|numero d'assurance sociale
assurance sociale|assurance-sociale|tax file|nas|n.a.s
ass. sociale|no d'assurance sociale|numero assurance sociale|social ins|social ins.|soc ins|soc. ins.
social insurance no|sin no|sin#|nas#
""",
    Cue.SSN: """
ssn|ssns|ssn number|s.s.n|s.s.n.|social security|social security number|socialsecurity|social_security|soc sec
social sec|social|itin|securite sociale|numero de securite sociale|secu|nir|insee|immatriculation
d'immatriculation|national id|assurance maladie n
""",
    Cue.HEALTH: """
alberta health|health services|sante quebec|carte d'assurance-maladie|health plan|health coverage|health card
health card number|healthcard|health number|health no|health insurance|health id|ohip|phn|ahcip|mrn
medical record|medical record number|medicare|medicare number|ramq|nam|n.a.m|assurance maladie|assurance-maladie
carte soleil|carte sante|carte d'assurance maladie|patient id|patient no|patient number|patient|ipp|l'ipp|nda
msp|mcp|phin|hsn|hcn|hcn#|personal health|personal health number|mbi|nhs|nhs number|carte vitale
numero de dossier|dossier medical|n dossier|n de dossier|health_card|health_number|healthnumber
health services number|numero de sante
nb medicare|ab card|bc card|mb card|nb card|nl card|ns card|on card|pe card|pei card|sk card|yt card|nt card|nu card
alberta card|ontario card|manitoba card|saskatchewan card|nova scotia card|new brunswick card|newfoundland card
cartes sante|carte d'hospitalisation|carte de sante|cartes d'assurance maladie|renouvellement de la carte
healthcardno|healthcardnumber|nocartesante|numerocartesante|ramqno|rni
care card|carecard|nwt health|nwt health care|nunavut health|nunavut health care|yukon health|yukon health care
manitoba health|saskatchewan health|bc services card|services card|carte services
alberta health card|alberta health care|numero de carte sante|no de carte sante|no_sante|no sante|nosante
numero_sante|numero de carte soleil|numero de carte d'assurance maladie|numero de carte d'assurance-maladie
carte_sante|hc|hc#|msi|uli|ahc|mhsc|yhcip|nihb|carte-sante|ass. maladie|carte d'ass. maladie
numero d'assurance maladie|numero d'assurance-maladie|no d'assurance maladie|no assurance maladie
health care number|health care card|health care no|healthcare number|healthcare card|hc number|health #
health card #|carte medicare|medicare no|numero d'identification medicale|id medicale|assurance sante
assurance-sante
""",
    Cue.CARD: """
card|cards|card number|card no|cardnumber|card_number|visa|mastercard|master card|amex|american express|discover
diners|jcb|maestro|carte|carte de credit|carte bancaire|credit card|creditcard|credit_card|debit card
carte de debit|credit|cc|pan|cc number|ccnum|numero de carte
""",
    Cue.BANK: """
account|accounts|account number|account no|account num|acct|acct no|a/c|bank account|bankaccount|account_number
accountnumber|bank|compte|no compte|numero de compte|compte bancaire|n de compte|compte cheque|compte cheques
folio|chequing|checking|savings|epargne|direct deposit|depot direct|void cheque|specimen de cheque
cpte|no cpte|numero de cpte|bank acct|compte no
specimen cheque|virement|wire|eft|micr|rib
""",
    Cue.TRANSIT: """
transit|transit number|transit no|branch|branch number|succursale|numero de transit|no de transit
numero de succursale|domiciliation
trans.|no trans|transit #
""",
    Cue.INSTITUTION: """
institution|institution number|institution no|inst|numero d'institution|no d'institution|bank code|code banque
""",
    Cue.ROUTING: "routing|routing number|routing no|aba|rtn|routing_number|routingnumber|sort code|ach",
    Cue.IBAN: "iban|iban number|ibans|swift",
    Cue.PASSPORT: """
passport|passports|passport number|passport no|passport_number|passportnumber|passeport|passeports
numero de passeport|no de passeport
passportno|passportnum|nopasseport|numeropasseport|no_passeport|passeport_no|travel document
ppt|ppt no|pspt|pp no|travel doc|titre de voyage|document de voyage|passport #|passeport #
""",
    Cue.TRAVEL: """
traveller|travellers|traveler|travelers|voyageur|voyageurs|voyageuse|voyageuses|nationality|nationalite|citizenship
citoyennete|ircc|cbsa|asfc|travel documents|titres de voyage|documents de voyage
""",
    Cue.LICENCE: """
driver's licence|driver's license|driver licence|driver license|drivers licence|drivers license|drivers' licence
drivers' license|driving licence|driving license|driver_license|driver_licence|driverlicense|dl|dl number|dl no
permis de conduire|permis|licence number|license number|licence no|license no|licence #|license #|d.l|lic
no de permis|numero de permis|dln|class 5|g2 licence|licence|license
licenceno|licensenumber|licenceno|nopermis|numeropermis
d/l|dl#|dl #|lic#|lic no|permis de cond|permis cond|oln|operator licence|operator's licence|operator license
no permis|permis no|driver's lic|drivers lic|driver lic
""",
    Cue.BIRTH: """
b.|mise au monde|mis au monde|venu au monde|venue au monde|born|birth|birthday|birthdate|birth date|birth_date
date of birth|date_of_birth|dateofbirth|dob|d.o.b|d.o.b.|nee|ne(e)|ne.e|ne|nes|nee le|ne le|ne en|nee en
naissance|date de naissance|date naissance|date de naiss|date de nais|ddn|d.d.n|d.d.n.|date_naissance
anniversaire|fete|naquit|nait|neele|bday|b-day|b'day|birthdays|year of birth|birth year|naiss
datenaissance|datedenaissance|datenaiss|birth_dt|birthdt
anniv|anniv.
dn|d/n|d.n.|dt naiss|dt nais|date de naiss.|naiss.|birth yr|bd
d/o/b|d-o-b|date of b.|ne-e|ne-e le|n. le|date de nce|d. naiss|dnaiss|birth-date|date-of-birth
""",
    Cue.AGE: "ans|years old|year old|year-old|yo|y/o|y.o|y.o.|yrs old|yrs",
    Cue.SECRET: """
password|passwords|passwd|pwd|passphrase|pass phrase|passcode|mot de passe|mots de passe|mdp|motdepasse
mot_de_passe|api key|api-key|api_key|apikey|api keys|cle api|cle d'api|cle secrete|secret|secrets|secret key
secret_key|secretkey|client secret|client_secret|clientsecret|token|tokens|api token|access token|access_token
accesstoken|auth token|auth_token|authtoken|refresh token|refresh_token|refreshtoken|bearer|bearer token|jeton
jeton d'acces|access key|access_key|accesskey|access key id|secret access key|secret_access_key|private key
private_key|encryption key|encryption_key|signing key|signing_key|credential|credentials|authorization|x-api-key
pass|pw|connection string|webhook secret|session token|sessionid|session id|session_id|cookie|security token
license key|cle
question secrete|question de securite|security question|security answer|secret answer|reponse secrete
accountkey|account_key|account key|sharedaccesskey|shared_access_key|wifi key|cle wifi|code wifi
mot de passe wifi|wifi password|recovery code|recovery key|backup code|code de secours|code de recuperation
wi-fi key|cle wi-fi|code wi-fi|mot de passe wi-fi|wi-fi password|wpa key|wpa2 key|cle wpa|network key|cle reseau
voicemail password|code de la banque|code bancaire|codes de secours|codes de recuperation|codes de sauvegarde
code de sauvegarde|scratch codes|2fa codes|mfa codes|emergency codes|phrase de passe|cle privee|cle d'acces
cle de chiffrement|jeton d'api|jeton api|reponse de securite
""",
    Cue.PIN: """
pin|pin code|pin number|nip|code nip|numero d'identification personnel|cvv|cvc|cvv2|cvc2|cryptogramme
security code|code de securite|otp|one-time code|one time code|verification code|code de verification
code d'acces|access code|door code|gate code|alarm code|entry code|code d'entree|code de la porte|code de porte
code d'alarme|code du cadenas
voicemail code|voicemail password|code de boite vocale|code de la boite vocale|code boite vocale
code de messagerie|code du repondeur
code vocal|lockbox code|lock box code|keypad code|code du clavier|code de la serrure|code du garage|garage code
safe code|code du coffre|code de l'alarme|unlock code|code de deverrouillage|phone passcode|sms code|code sms|2fa code
mfa code|code 2fa|code a usage unique|login code|code de connexion|validation code|code de validation
safe combination|lock combination|padlock combination|combinaison du cadenas|combinaison du coffre|code du guichet
puk|code puk|sim pin|entry pin|door pin|code de l'immeuble|buzzer code|code de l'entree
""",
    Cue.POSTAL: """
postal code|postal_code|postalcode|postal|post code|postcode|zip|zip code|zipcode|zip_code|code postal
code_postal|codepostal|c.p|c.p.
""",
    Cue.ADDRESS: """
address|addresses|adresse|adresses|live at|lives at|living at|reside at|resides at|residing at|habite|demeure
demeurant|residant|located at|ship to|deliver to|delivered to|domicile au|domicilie|domiciliee|mailing|moved to
street address|addr|situe au|livrer au
""",
    Cue.IP: """
nameserver|dns|gateway|passerelle|ping|ssh
ip|ip address|ip addr|ipv4|ipv6|ips|adresse ip|host|hosts|client_ip|remote_addr|x-forwarded-for|server|serveur
""",
    Cue.VERSION: """
version|versions|build|revision|rev|release|firmware|micrologiciel|driver|pilote|upgrade|update|mise a jour
""",
    Cue.OTHER: """
id card|identity card|sim card|carte d'identite|business card|coordinates|latitude|longitude|order|orders
order number|order no|commande|no de commande|invoice|invoices|facture|inv|ticket|tickets|billet|case
case number|case no|file number|file no|tracking|tracking number|suivi|numero de suivi|shipment|colis|sku|skus
upc|ean|gtin|part|part number|part no|piece|model|modele|serial|serial number|serie|numero de serie|s/n|isbn
issn|version|build|revision|release|commit|ref|reference|ref no|po|purchase order|bon de commande|bon|lot|batch
quote|quotation|soumission|devis|contract|contrat|policy|policy number|police|numero de police|claim
claim number|reclamation|total|subtotal|sous-total|amount|montant|qty|quantity|quantite|price|prix|page|pages
item|article|product|produit|barcode|code-barres|confirmation|confirmation number|request|demande|issue|bug|gst
hst|tps|tvq|tvh|qst|bn|neq|business number|numero d'entreprise|employee id|employee number|matricule|vin|imei
mac|epoch|timestamp|unix|doi|pmid|arxiv|rfc|iso|onsc|scc|qccs|flight|vol|booking|reservation|confirmation code
din|npi|rpps|cpso
""",
    Cue.UNIT: """
apt|suite|ste|unit|app|appt|appartement|apartment|bureau|unite|room|floor|etage|porte|local|logement|studio
batiment|bat|chambre
""",
    Cue.BOX: """
po box|p.o. box|p.o box|p. o. box|post office box|postal box|box|c.p|c.p.|case postale|casier postal|bp|b.p.
boite postale|rr|r.r.|rural route|route rurale|r.r|general delivery|poste restante|psc|cmr|apo|fpo|dpo
range road|township road|rge rd|twp rd|hwy|highway|autoroute|site|lot|succ|stn
""",
}
