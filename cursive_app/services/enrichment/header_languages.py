"""What columns are called in other languages (ENR-03): German, French, Spanish, Portuguese, Italian, Dutch and the
Nordic and some other ones. Taken as they stand, never as a slip: one letter from them lie too many English words.

Written as `header_words.normal` writes headers: lower case, no accents, words apart.
"""

from __future__ import annotations

WORDS: dict[str, tuple[str, ...]] = {
    "email": (
        "mailadresse", "mail adresse", "email adresse", "adresse email", "adresse mail", "adresse electronique",
        "courrier electronique", "e mailadres", "emailadres", "mailadres", "direccion de correo",
        "direccion de correo electronico", "endereco de e mail", "endereco de email", "indirizzo email",
        "indirizzo e mail", "posta elettronica", "e post", "epost", "e post adresse", "sahkoposti",
    ),
    "phone": (
        "telefonnummer", "telefon nr", "mobil", "mobilnummer", "mobiltelefon", "handynummer", "mobilfunk",
        "telefoonnummer", "telefoon", "mobiel", "mobiele telefoon", "mobiel nummer", "numero de telephone",
        "telephone portable", "telephone mobile", "portable", "numero de telefono", "movil", "telefono movil",
        "celular", "telefone", "telemovel", "cellulare", "numero di telefono", "puhelin",
    ),
    "linkedin_url": (
        "linkedin profil", "profil linkedin", "perfil linkedin", "perfil de linkedin", "profilo linkedin",
        "linkedin profiel",
    ),
    "first_name": (
        "nombres", "primer nombre", "nome", "primeiro nome", "voornaam", "fornavn", "fornamn", "etunimi", "imie",
        "jmeno",
    ),
    "last_name": (
        "apellidos", "primer apellido", "cognome", "sobrenome", "apelido", "achternaam", "familienname", "zuname",
        "nom de famille", "efternamn", "efternavn", "etternavn", "sukunimi", "nazwisko", "prijmeni",
    ),
    "full_name": (
        "vollstandiger name", "vor und nachname", "ansprechpartner", "nombre completo", "nombre y apellidos",
        "nome completo", "nome e cognome", "nom complet", "nom et prenom", "prenom et nom", "volledige naam", "naam",
    ),
    "company_name": (
        "firmenname", "societe", "nom de l entreprise", "nom de la societe", "raison sociale", "organisme",
        "nombre de la empresa", "razon social", "compania", "organizacion", "nome da empresa", "azienda", "societa",
        "ragione sociale", "bedrijf", "bedrijfsnaam", "organisatie", "foretag", "virksomhed", "bedrift", "yritys",
    ),
    "company_domain": (
        "webseite", "internetseite", "internetadresse", "site web", "site internet", "sitio web", "pagina web",
        "sito web", "sito internet", "dominio", "webbplats", "hjemmeside", "nettsted",
    ),
    "job_title": (
        "funktion", "berufsbezeichnung", "jobtitel", "stellenbezeichnung", "fonction", "poste", "intitule du poste",
        "cargo", "posicion", "funcao", "ruolo", "qualifica", "functie", "functietitel", "befattning", "stilling",
    ),
    "address": (
        "anschrift", "strasse und hausnummer", "strasse hausnummer", "rue", "adresse postale", "calle", "domicilio",
        "endereco", "indirizzo", "straat", "adres", "gatuadress",
    ),
    "city": ("ort", "wohnort", "localite", "commune", "localidad", "cidade", "citta", "comune", "plaats", "woonplaats"),
    "state": ("bundesland", "provincia", "provincie", "kanton", "canton"),
    "zip": ("postleitzahl", "code postal", "codigo postal", "cep", "codice postale", "postnummer"),
    "industry": ("secteur", "secteur d activite", "settore", "setor", "industrie", "bransch", "bransje"),
}  # fmt: skip
