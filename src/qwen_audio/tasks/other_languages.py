"""Questions about audio in other languages than English, answered in them."""

# ruff: noqa: E501 - a wording stays on one line

# language of the question -> topic -> (questions, answers)
OTHER_LANGUAGES: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "de": {
        "text": (("Was sagt die Person?", "Was wird gesagt?", "Schreibe auf, was du hörst.", "Transkribiere die Aufnahme."), ('Die Person sagt: „{text}“', "{text}")),
        "language": (("Welche Sprache ist das?", "In welcher Sprache wird gesprochen?"), ("Das ist {language}.", "Die Sprache ist {language}.")),
        "gender": (("Spricht ein Mann oder eine Frau?", "Ist das ein Mann oder eine Frau?"), ("Das ist {gender}.", "Es spricht {gender}.")),
        "none": (("Was hörst du in der Aufnahme?", "Bitte transkribiere die Aufnahme."), ("Du hast mir keine Aufnahme gegeben. Bitte schicke sie mir.",)),
    },
    "es": {
        "text": (("¿Qué dice la persona?", "¿Qué se dice en el audio?", "Transcribe el audio."), ('La persona dice: «{text}»', "{text}")),
        "language": (("¿Qué idioma es?", "¿En qué idioma habla la persona?"), ("Es {language}.", "El idioma es {language}.")),
        "gender": (("¿Habla un hombre o una mujer?",), ("Es {gender}.", "Habla {gender}.")),
        "none": (("¿Qué oyes en el audio?", "Transcribe la grabación, por favor."), ("No me has dado ningún audio. Envíamelo, por favor.",)),
    },
    "fr": {
        "text": (("Que dit la personne ?", "Qu'est-ce qui est dit ?", "Transcris l'enregistrement."), ("La personne dit : « {text} »", "{text}")),
        "language": (("Quelle langue est-ce ?", "Dans quelle langue parle la personne ?"), ("C'est {language}.", "La langue est {language}.")),
        "gender": (("Est-ce un homme ou une femme ?",), ("C'est {gender}.",)),
        "none": (("Qu'entends-tu dans l'audio ?", "Transcris l'enregistrement, s'il te plaît."), ("Tu ne m'as donné aucun enregistrement. Envoie-le-moi, s'il te plaît.",)),
    },
    "it": {
        "text": (("Che cosa dice la persona?", "Cosa viene detto?", "Trascrivi l'audio."), ("La persona dice: «{text}»", "{text}")),
        "language": (("Che lingua è?", "In quale lingua parla la persona?"), ("È {language}.", "La lingua è {language}.")),
        "gender": (("È un uomo o una donna?",), ("È {gender}.",)),
        "none": (("Che cosa senti nell'audio?",), ("Non mi hai dato nessun audio. Inviamelo, per favore.",)),
    },
    "zh": {
        "text": (("这个人说了什么？", "录音里说了什么？", "请把录音转写成文字。"), ("这个人说：“{text}”", "{text}")),
        "language": (("这是什么语言？", "说话人说的是哪种语言？"), ("这是{language}。",)),
        "gender": (("说话的是男人还是女人？",), ("是{gender}。",)),
        "none": (("你听到了什么？", "请转写这段录音。"), ("你还没有给我音频，请发送录音。",)),
    },
}  # fmt: skip
LANGUAGE_NAMES: dict[str, dict[str, str]] = {
    "de": {"en": "Englisch", "zh": "Chinesisch", "de": "Deutsch", "es": "Spanisch", "ko": "Koreanisch", "fr": "Französisch", "ja": "Japanisch", "it": "Italienisch"},
    "es": {"en": "inglés", "zh": "chino", "de": "alemán", "es": "español", "ko": "coreano", "fr": "francés", "ja": "japonés", "it": "italiano"},
    "fr": {"en": "l'anglais", "zh": "le chinois", "de": "l'allemand", "es": "l'espagnol", "ko": "le coréen", "fr": "le français", "ja": "le japonais", "it": "l'italien"},
    "it": {"en": "inglese", "zh": "cinese", "de": "tedesco", "es": "spagnolo", "ko": "coreano", "fr": "francese", "ja": "giapponese", "it": "italiano"},
    "zh": {"en": "英语", "zh": "中文", "de": "德语", "es": "西班牙语", "ko": "韩语", "fr": "法语", "ja": "日语", "it": "意大利语"},
}  # fmt: skip
GENDER_NAMES: dict[str, dict[str, str]] = {
    "de": {"male": "ein Mann", "female": "eine Frau"},
    "es": {"male": "un hombre", "female": "una mujer"},
    "fr": {"male": "un homme", "female": "une femme"},
    "it": {"male": "un uomo", "female": "una donna"},
    "zh": {"male": "男人", "female": "女人"},
}
