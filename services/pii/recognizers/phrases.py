"""The cue words themselves, in English and French: what a number, a date or a key near them is."""

from collections.abc import Mapping
from enum import StrEnum


class Cue(StrEnum):
    """What a word near a number says of it."""

    PHONE = "phone"
    SIN = "sin"
    PAYROLL = "payroll"  # of people who are paid: nine digits that check then are a social insurance number
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
    KIN = "kin"  # somebody's child or spouse, as forms list them
    SECRET = "secret"  # noqa: S105 - the name of a cue
    PIN = "pin"
    CODE = "code"  # that may open something
    SEED = "seed"  # of one-time codes
    NETWORK = "network"  # that one is let into
    LOGIN = "login"
    COMMAND = "command"  # that is given a password
    OPENED = "opened"  # with what is told next
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
local number|numero local|his number|her number|mon numero|son numero|leur numero|ton numero
their number|phone #|phone#|cell #|cell#|tel #|tel#|fax #|fax#|rejoindre|rejoignez|rejoins
rejoignez-moi|textez|texter|texte-moi|texte moi|text me|text him|text her|text them|pager|paged|teleavertisseur
afficheur
caller id|callback|call back|telecop|telecop.|ring|ringing|facetime|skype
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
case 12|box 12|socialinsurancenumber|sinnumber|sin_number|numeronas|no_nas|nonas
sin|sin number|social insurance|social insurance number|n.a.s.|s.i.n|s.i.n.|numero d'assurance sociale
assurance sociale|assurance-sociale|tax file|nas|n.a.s
ass. sociale|no d'assurance sociale|numero assurance sociale|social ins|social ins.|soc ins|soc. ins.
social insurance no|sin no|sin#|nas#
""",
    Cue.PAYROLL: """
t4|t4a|t4s|t5|t5s|payroll|paie|roe|releve 1|releves 1|rl-1|new hire|new hires|nouvel employe|nouvelle employee
onboarding
td1|td-1|tp-1015|cra|arc|revenu quebec|releve d'emploi|record of employment|box 12|case a|t1|t1 general
notice of assessment
avis de cotisation|embauche|hire paperwork|income tax|declaration de revenus|tax return|credit bureau|equifax|transunion
credit check|enquete de credit
""",
    Cue.SSN: """
ss#|ss #|ss number|ss no|ss no.|us social|american social|taxpayer id|taxpayer identification number|us tin|tin|w-9
nss|n.s.s.|numero ss|no ss|ssn#|ssn #|ssn no
ssn|ssns|ssn number|s.s.n|s.s.n.|social security|social security number|socialsecurity|social_security|soc sec
social sec|social|itin|securite sociale|numero de securite sociale|secu|nir|insee|immatriculation
d'immatriculation|national id|assurance maladie n
""",
    Cue.HEALTH: """
version code|code de version|carte ab|carte bc|carte on|carte ns|carte nb|carte mb|carte sk|carte nl|carte qc
carte de l'alberta|carte de l'ontario|carte du manitoba|carte de la c.-b.|carte de la saskatchewan|carte de terre-neuve
carte de la nouvelle-ecosse|carte du nouveau-brunswick
nism|nisp|n.i.s.p.|n.i.s.p|hc card|hc no|hc number|numero d'identification sante|health care insurance
health insurance number
o.h.i.p|o.h.i.p.|r.a.m.q|r.a.m.q.|n.a.m.|h.c.|hin|hn|jhn|ehn|numero personnel de sante|numero de sante personnel
numero de services de sante|numero des services de sante|carte d'hopital|health registration|health reg|sante nb
no de sante|n de sante|numero sante|sask health|ehealth sask|provincial plan|provincial health
provincial card|assure|assuree|shsp|hcp|healthcare|medicare nb|nb medicare number|carte maladie|provincial health card
numero de l'assurance maladie|numero d'assure|numero d'identification personnel medical|health card nb|carte-soleil
carte de la ramq|no ramq|no nam|nam #|phn #|phn no|phn#|ohip #|ohip#|ohip no|mrn #|mrn#|msp #|mcp #|mcp number|msi #
msi number|phin #|hsn #|uli #|ahcip #|yhcip #|health benefits card|hospital card|hospital number|hospital no
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
credit union|caisse|caisse populaire|caisse pop|acc|acc.|acc #|acc#|acct#|acct #|acct.|cpt|cpt.|rrsp no|rrsp account
reer no|tfsa account|tfsa no|celi no|compte celi
compte reer|loan number|loan no|loan account|numero de pret|no de pret|pret no|mortgage number|mortgage no
mortgage account|line of credit|marge de credit|no de marge|a/c no|a/c #|account #|account#|no. de compte|compte #
cpte #|bank acc|numero de folio|no de folio|no folio|no. de folio|folio no
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
pp|pp#|pp #|psspt|pass. no|pass. no.|pass no|pass #|passport no.|passport id|passportid|passeport no|no. de passeport
passport|passports|passport number|passport no|passport_number|passportnumber|passeport|passeports
numero de passeport|no de passeport
passportno|passportnum|nopasseport|numeropasseport|no_passeport|passeport_no|travel document
ppt|ppt no|pspt|pp no|travel doc|titre de voyage|document de voyage|passport #|passeport #
""",
    Cue.TRAVEL: """
passager|passagers|passagere|passageres|passenger|passengers|pax|itinerary|itineraire|border|frontiere|douane|douanes
embassy|ambassade|consulat|consulate|nexus|immigration|pr card|carte rp|refugee|refugie|asylum|asile|esta
traveller|travellers|traveler|travelers|voyageur|voyageurs|voyageuse|voyageuses|nationality|nationalite|citizenship
citoyennete|ircc|cbsa|asfc|travel documents|titres de voyage|documents de voyage
""",
    Cue.LICENCE: """
driver's|drivers'|driverslicense|driverslicence|drivinglicence|driverlicence|driverlicensenumber|bcdl|abdl|ondl|mvid
sgi customer number|master number|drv lic|drv. lic.|drv lic.|dr lic|licence de conduire|permis de chauffeur
permis probatoire|permis d'apprenti|permis d'apprenti conducteur|numero de conducteur|driver number
driver id|driver no|dl class|driver's lic.|dl no.|dl num
driver's licence|driver's license|driver licence|driver license|drivers licence|drivers license|drivers' licence
drivers' license|driving licence|driving license|driver_license|driver_licence|driverlicense|dl|dl number|dl no
permis de conduire|permis|licence number|license number|licence no|license no|licence #|license #|d.l|lic
no de permis|numero de permis|dln|class 5|g2 licence|licence|license
licenceno|licensenumber|licenceno|nopermis|numeropermis
d/l|dl#|dl #|lic#|lic no|permis de cond|permis cond|oln|operator licence|operator's licence|operator license
no permis|permis no|driver's lic|drivers lic|driver lic
""",
    Cue.BIRTH: """
b.|mise au monde|mis au monde|venu au monde|venue au monde|born|birth|birthday|birthdate|yob|y.o.b|y.o.b.|birthyear
geb.|geboren|geburtsdatum|d o b|d. o. b.|d d n|d.d. n.
d. de n.|d.de n.|d. de naiss.|n.|ne_le|nee_le|ne-le|nee-le|datenais|date_nais|d_naiss|naissait|naquirent|birth day
b.date|dna|dateofb|d of b|fec nac|nasc|nato il|nacido|fecha de nacimiento|dt. naiss.|birth date|birth_date
date of birth|date_of_birth|dateofbirth|dob|d.o.b|d.o.b.|nee|ne(e)|ne.e|ne|nes|nee le|ne le|ne en|nee en
naissance|date de naissance|date naissance|date de naiss|date de nais|ddn|d.d.n|d.d.n.|date_naissance
anniversaire|fete|naquit|nait|neele|bday|b-day|b'day|birthdays|year of birth|birth year|naiss
datenaissance|datedenaissance|datenaiss|birth_dt|birthdt
anniv|anniv.
dn|d/n|d.n.|dt naiss|dt nais|date de naiss.|naiss.|birth yr|bd
d/o/b|d-o-b|date of b.|ne-e|ne-e le|n. le|date de nce|d. naiss|dnaiss|birth-date|date-of-birth
""",
    Cue.AGE: "ans|years old|year old|year-old|yo|y/o|y.o|y.o.|yrs old|yrs",
    Cue.KIN: """
daughter|son|spouse|child|wife|husband|mother|father|fille|fils|conjoint|conjointe|enfant|epoux|epouse|mere|pere|brother
sister|frere|soeur|twin|baby|bebe|dependant|dependent|stepson|stepdaughter|grandson|granddaughter|niece|nephew|neveu
kids|children|enfants|twins|jumeaux|jumelles|dependants|dependents|personnes a charge|petit-fils|petite-fille|jumeau
jumelle|common-law|partner|partenaire|beneficiary|beneficiaire|kid|infant|newborn
""",
    Cue.SECRET: """
app_key|app key|appkey|master_key|master key|auth|identified by|requirepass|masterauth|convertto-securestring
enable secret|auth_key|wpa2|wpa3|wpa|mdp wifi|verbal password
mot de passe verbal|telephone password|psw|passw|connect.sid|laravel_session|xsrf-token|csrftoken|csrf token
csrf-token|session_token|asp.net_sessionid|set-cookie|pass word|m.d.p|m.d.p.|mot-de-passe|motdepass|psk
pre-shared key|preshared key|cle prepartagee|cle pre-partagee
wpa-psk|wpa psk|wpa password|subscription-key|subscription key|phpsessid|jsessionid|snmp community|community string
shared secret|secret partage|cle wpa2|cle wpa3|wpa3 key|product key|cle de produit|cle de licence|sas token|jeton sas
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
passcode|pass code|one-time password|mot de passe a usage unique|one-time pin|conference pin|voicemail pin|safe code
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
    Cue.CODE: """
code|codes|combination|combinaison|combo|lockbox|lock box|alarm|alarm panel|alarme|keypad|key box|boite a cles
buzzer|door|porte|gate|side door|back door|barriere
""",
    Cue.SEED: """
otp|totp|2fa|mfa|authenticator|authentificateur|authenticator app|setup key|set-up key|two-factor|seed|otp secret
totp secret|2fa secret|mfa secret|otp seed|totp seed|authenticator seed|cle de configuration|otp key|secret|base32
""",
    Cue.NETWORK: """
ssid|wifi|wi-fi|reseau|reseau sans fil|network|wlan|hotspot
""",
    Cue.COMMAND: """
pdo|mysqli|mysqli_connect|getconnection|httpbasicauth|networkcredential|basicauth|auth|connect|createconnection
usernamepasswordcredential|passwordauthentication|login
curl|sshpass|docker login|mysql|mysqldump|mysqladmin|mongo|mongosh|mongodump|mongorestore|az login|sqlcmd
redis-cli|ldapsearch|ldapmodify|ldapadd|ldapwhoami|openssl|net use|net user|smbclient|htpasswd|chpasswd|7z|7za
7zip|unzip|wpa_passphrase|wifi|oracle|sqlplus
""",
    Cue.LOGIN: """
vpn|sticky note|post-it|citrix|rdp|portail|portal|auth|login|logins|log in|log-in|logon|creds|credentials|credential
identifiant|identifiants|connexion|acces|access|user
username|users|user name|usager|utilisateur|compte|account|admin|usr|user id|id|identification|connecte-toi
connectez-vous|sign in|signin
""",
    Cue.OPENED: """
to open|open the|open it|pour ouvrir|pour l'ouvrir|to unlock|pour deverrouiller|decrypt|dechiffrer|encrypted with
opens with|unlocks with|unlock with|unlocked with|unlock it with|s'ouvre avec|s'ouvrir avec|ouvrir avec
l'ouvrir avec|chiffre avec|chiffree avec|protege par|protegee par|protege avec|protegee avec|deverrouille avec
deverrouiller avec|open it with|opened with
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
permis de construction|permis d'alcool|permis de travail|permis d'etudes|permis de vente|permis de chasse
permis de peche|permis d'exploitation|permis de lotissement|permis municipal|permis de demolition|permis de renovation
business licence|business license|fishing licence|hunting licence|liquor licence|liquor license|software licence
software license|marriage licence|marriage license|licence rbq|rbq licence|licence plate|license plate|work permit
study permit|building permit|taxi licence|mining licence|trade licence|licence agreement|license agreement|gl account
general ledger account|account code|code de compte|compte rendu|comptes rendus|compte tenu|on account of|bank holiday
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
