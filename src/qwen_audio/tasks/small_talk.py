"""Questions without audio and their answers, so that learning to listen does not cost the gift of talking."""

# ruff: noqa: E501 - a question and its answer stay on one line
# fmt: off

import random

# (question, answer); facts that do not change
PAIRS: tuple[tuple[str, str], ...] = (
    # greetings and courtesy
    ("Hello!", "Hello! How can I help you?"),
    ("Hi there.", "Hi! What can I do for you?"),
    ("Good morning!", "Good morning! How can I help you today?"),
    ("Good evening.", "Good evening! What can I do for you?"),
    ("How are you?", "I am fine, thank you. How can I help you?"),
    ("Thanks!", "You're welcome!"),
    ("Thank you very much.", "You're very welcome. Is there anything else?"),
    ("Goodbye!", "Goodbye! Have a nice day."),
    ("See you later.", "See you later!"),
    ("Nice to meet you.", "Nice to meet you too!"),
    (
        "I'm bored.",
        "We could talk about something, or you could send me a sound and I will tell you what I hear.",
    ),
    (
        "Tell me a joke.",
        "Why did the piano break up with the violin? It felt that the violin was always stringing it along.",
    ),
    ("Say something nice.", "I am glad that you are here. I hope your day goes well."),
    ("I had a bad day.", "I am sorry to hear that. Do you want to tell me what happened?"),
    ("I passed my exam!", "Congratulations! That is great news."),
    ("Can I ask you something?", "Of course. What would you like to know?"),
    # who is speaking
    ("Who are you?", "I am an assistant that can listen to audio and answer questions about it."),
    (
        "What can you do?",
        "I can listen to speech, sounds and music, write down what is said, and answer questions about what I hear.",
    ),
    (
        "What kind of audio can you understand?",
        "I can listen to speech, everyday sounds and music.",
    ),
    (
        "Can you hear me?",
        "I can only hear the audio clips that you send me. Right now I see your text.",
    ),
    ("Are you a human?", "No, I am a computer program that can listen to audio and talk about it."),
    ("Do you have a name?", "I am an audio assistant. You can call me whatever you like."),
    (
        "Which languages do you understand?",
        "I can listen to English, Chinese, German, Spanish, Korean, French, Japanese and Italian.",
    ),
    (
        "Can you understand music?",
        "Yes. Send me some music and I will tell you about instruments, notes and style.",
    ),
    (
        "How do I send you audio?",
        "Attach an audio file to your message and ask your question about it.",
    ),
    ("How long may a clip be?", "I listen to up to thirty seconds of a clip at a time."),
    # science
    ("What is the chemical formula of water?", "The chemical formula of water is H2O."),
    ("At what temperature does water boil?", "At sea level, water boils at 100 degrees Celsius."),
    ("At what temperature does water freeze?", "Water freezes at 0 degrees Celsius."),
    (
        "How many planets are there in the solar system?",
        "There are eight planets in the solar system.",
    ),
    ("Which planet is closest to the Sun?", "Mercury is the planet closest to the Sun."),
    ("Which is the largest planet?", "Jupiter is the largest planet in the solar system."),
    ("Which planet is known as the red planet?", "Mars is known as the red planet."),
    ("What does the Earth orbit?", "The Earth orbits the Sun."),
    (
        "How long does the Earth take to go around the Sun?",
        "The Earth takes about 365 days, one year, to go around the Sun.",
    ),
    (
        "Why is the sky blue?",
        "The air scatters blue light from the Sun more than red light, so the sky looks blue.",
    ),
    ("What is the speed of light?", "Light travels at about 300,000 kilometres a second."),
    ("What is the speed of sound?", "In air, sound travels at about 340 metres a second."),
    ("Which is faster, light or sound?", "Light is much faster than sound."),
    (
        "Why do we see lightning before we hear thunder?",
        "Light is much faster than sound, so it reaches us first.",
    ),
    (
        "What is sound?",
        "Sound is a vibration that travels through air or another material as a wave.",
    ),
    (
        "What is an echo?",
        "An echo is a sound that comes back to us after it is reflected by a surface.",
    ),
    ("What gas do plants take in?", "Plants take in carbon dioxide."),
    ("What gas do we need to breathe?", "We need oxygen to breathe."),
    ("What is the symbol for gold?", "The chemical symbol for gold is Au."),
    ("What is the symbol for iron?", "The chemical symbol for iron is Fe."),
    ("What is the hardest natural material?", "Diamond is the hardest natural material."),
    ("What is gravity?", "Gravity is the force that pulls things with mass towards each other."),
    ("What do bees make?", "Bees make honey."),
    ("What is the largest animal on Earth?", "The blue whale is the largest animal on Earth."),
    ("What is the fastest land animal?", "The cheetah is the fastest land animal."),
    ("What is the tallest animal?", "The giraffe is the tallest animal."),
    ("How many legs does a spider have?", "A spider has eight legs."),
    ("How many legs does an insect have?", "An insect has six legs."),
    ("Is a whale a fish?", "No, a whale is a mammal."),
    ("Is a bat a bird?", "No, a bat is a mammal that can fly."),
    ("What do caterpillars turn into?", "Caterpillars turn into butterflies or moths."),
    ("What is a baby dog called?", "A baby dog is called a puppy."),
    ("What is a baby cat called?", "A baby cat is called a kitten."),
    ("What do cows eat?", "Cows eat mostly grass."),
    ("How many hearts does an octopus have?", "An octopus has three hearts."),
    ("Which organ pumps blood?", "The heart pumps blood through the body."),
    ("What do lungs do?", "The lungs bring oxygen into the blood and take carbon dioxide out."),
    ("How many bones does an adult human have?", "An adult human has 206 bones."),
    ("With which organ do we hear?", "We hear with our ears."),
    (
        "What is photosynthesis?",
        "Photosynthesis is how plants use sunlight to make sugar from water and carbon dioxide.",
    ),
    ("What causes the tides?", "The tides are caused mainly by the gravity of the Moon."),
    ("What is the Moon?", "The Moon is a ball of rock that orbits the Earth."),
    ("What is ice?", "Ice is frozen water."),
    # numbers and time
    ("How many days are there in a week?", "There are seven days in a week."),
    ("How many months are there in a year?", "There are twelve months in a year."),
    ("How many hours are there in a day?", "There are 24 hours in a day."),
    ("How many minutes are there in an hour?", "There are 60 minutes in an hour."),
    ("How many seconds are there in a minute?", "There are 60 seconds in a minute."),
    ("How many days are there in a leap year?", "A leap year has 366 days."),
    ("How many sides does a triangle have?", "A triangle has three sides."),
    ("How many sides does a hexagon have?", "A hexagon has six sides."),
    ("How many is a dozen?", "A dozen is twelve."),
    ("What is half of one hundred?", "Half of one hundred is fifty."),
    ("What is the square root of 81?", "The square root of 81 is 9."),
    ("Is seven an even number?", "No, seven is an odd number."),
    ("What is the first prime number?", "The first prime number is 2."),
    ("How many centimetres are in a metre?", "There are 100 centimetres in a metre."),
    ("How many grams are in a kilogram?", "There are 1000 grams in a kilogram."),
    ("What comes after Tuesday?", "Wednesday comes after Tuesday."),
    ("Which month comes before June?", "May comes before June."),
    ("What are the four seasons?", "The four seasons are spring, summer, autumn and winter."),
    ("Name the days of the weekend.", "The days of the weekend are Saturday and Sunday."),
    # geography
    ("How many continents are there?", "There are seven continents."),
    ("What is the largest ocean?", "The Pacific Ocean is the largest ocean."),
    ("What is the highest mountain on Earth?", "Mount Everest is the highest mountain on Earth."),
    ("On which continent is Egypt?", "Egypt is in Africa."),
    ("On which continent is Brazil?", "Brazil is in South America."),
    ("Which country has the shape of a boot?", "Italy has the shape of a boot."),
    ("In which country is the Eiffel Tower?", "The Eiffel Tower is in Paris, France."),
    ("In which country are the pyramids of Giza?", "The pyramids of Giza are in Egypt."),
    ("Where is the Great Wall?", "The Great Wall is in China."),
    ("Which language is spoken in Brazil?", "Portuguese is spoken in Brazil."),
    ("Which language do people speak in Austria?", "People in Austria speak German."),
    ("What is the largest country by area?", "Russia is the largest country by area."),
    ("What is the largest desert of hot sand?", "The Sahara is the largest hot desert."),
    ("Which river flows through London?", "The river Thames flows through London."),
    ("Which river flows through Paris?", "The Seine flows through Paris."),
    # arts, history, words
    ("Who wrote Romeo and Juliet?", "William Shakespeare wrote Romeo and Juliet."),
    ("Who wrote Faust?", "Johann Wolfgang von Goethe wrote Faust."),
    ("Who wrote Don Quixote?", "Miguel de Cervantes wrote Don Quixote."),
    ("Who painted the Mona Lisa?", "Leonardo da Vinci painted the Mona Lisa."),
    ("Who composed the Ninth Symphony with the Ode to Joy?", "Ludwig van Beethoven composed it."),
    ("Who composed The Magic Flute?", "Wolfgang Amadeus Mozart composed The Magic Flute."),
    (
        "Who was the first person on the Moon?",
        "Neil Armstrong was the first person on the Moon, in 1969.",
    ),
    (
        "Who developed the theory of relativity?",
        "Albert Einstein developed the theory of relativity.",
    ),
    (
        "Who invented the telephone?",
        "Alexander Graham Bell is usually named as the inventor of the telephone.",
    ),
    ("Who wrote Pride and Prejudice?", "Jane Austen wrote Pride and Prejudice."),
    ("Who wrote The Odyssey?", "The Odyssey is attributed to the Greek poet Homer."),
    ("What is the first letter of the alphabet?", "The first letter of the alphabet is A."),
    ("How many letters are in the English alphabet?", "The English alphabet has 26 letters."),
    ("Name the five vowels.", "The five vowels are A, E, I, O and U."),
    ("What is a synonym for happy?", "A synonym for happy is glad."),
    ("What is a noun?", "A noun is a word for a person, a place, a thing or an idea."),
    ("What is a verb?", "A verb is a word for an action or a state."),
    ("What rhymes with cat?", "Hat rhymes with cat."),
    ("Spell the word 'music'.", "M-U-S-I-C."),
    # music
    ("How many strings does a violin have?", "A violin has four strings."),
    ("How many strings does a guitar usually have?", "A guitar usually has six strings."),
    ("How many keys does a piano have?", "A standard piano has 88 keys."),
    ("Is a flute a wind instrument?", "Yes, the flute is a woodwind instrument."),
    ("Name a brass instrument.", "The trumpet is a brass instrument."),
    ("Name a string instrument.", "The cello is a string instrument."),
    ("What is a chord?", "A chord is several notes that sound together."),
    (
        "What does tempo mean in music?",
        "Tempo is the speed of the music, often given in beats a minute.",
    ),
    ("What does forte mean?", "Forte means loud in music."),
    ("What does piano mean in a score?", "Piano means that the music is to be played softly."),
    (
        "What is an octave?",
        "An octave is the distance between a note and the next one with the same name; its frequency doubles.",
    ),
    ("What is the frequency of the note A4?", "The note A4 has a frequency of 440 hertz."),
    # everyday and small tasks
    ("What colour do you get from blue and yellow?", "Blue and yellow paint make green."),
    ("What colours are in a rainbow?", "Red, orange, yellow, green, blue, indigo and violet."),
    ("What colour is a ripe banana?", "A ripe banana is yellow."),
    ("Name three fruits.", "Apple, banana and orange."),
    ("Name three animals.", "Dog, cat and horse."),
    ("Name two primary colours.", "Red and blue."),
    ("Where does the Sun rise?", "The Sun rises in the east."),
    ("Where does the Sun set?", "The Sun sets in the west."),
    ("What do you use an umbrella for?", "You use an umbrella to keep dry in the rain."),
    ("What is bread made of?", "Bread is made of flour, water, salt and usually yeast."),
    ("What is cheese made from?", "Cheese is made from milk."),
    (
        "How do I boil an egg?",
        "Put the egg in boiling water for about seven to ten minutes, then cool it in cold water.",
    ),
    (
        "Give me a tip for better sleep.",
        "Go to bed at the same time every day and keep the room dark and quiet.",
    ),
    (
        "Write a short sentence about the sea.",
        "The sea was calm, and the waves whispered on the sand.",
    ),
    ("Write a sentence with the word 'garden'.", "She planted roses in the garden."),
    (
        "Write a short poem about rain.",
        "Soft rain falls on the window pane, and the garden wakes again.",
    ),
    (
        "Tell me a very short story.",
        "A small bird lost its song. It listened to the wind, learned a new tune, and sang until morning.",
    ),
    ("Complete the sentence: The early bird", "The early bird catches the worm."),
    ("Make this polite: Give me the book.", "Could you please give me the book?"),
    ("Make this sentence past tense: I go home.", "I went home."),
    ("What is the plural of mouse?", "The plural of mouse is mice."),
    ("What is the plural of child?", "The plural of child is children."),
    (
        "Should I look at my phone while driving?",
        "No, that is dangerous. Keep your eyes on the road.",
    ),
    ("Yes or no: is the Earth flat?", "No."),
    ("Yes or no: do fish live in water?", "Yes."),
    ("Answer in one word: what is the capital of France?", "Paris."),
    # other languages
    ("Hallo, wie geht es dir?", "Mir geht es gut, danke! Wie kann ich dir helfen?"),
    ("Was kannst du?", "Ich kann Aufnahmen anhören und Fragen dazu beantworten."),
    ("Danke schön!", "Gern geschehen!"),
    ("Hola, ¿cómo estás?", "¡Hola! Estoy bien, gracias. ¿En qué puedo ayudarte?"),
    ("Gracias.", "¡De nada!"),
    ("Bonjour !", "Bonjour ! Comment puis-je vous aider ?"),
    ("Merci beaucoup.", "Je vous en prie !"),
    ("Ciao!", "Ciao! Come posso aiutarti?"),
    ("Grazie.", "Prego!"),
    ("你好！", "你好！我能帮你做什么？"),
    ("谢谢。", "不客气！"),
)

CAPITALS: tuple[tuple[str, str], ...] = (
    ("France", "Paris"), ("Germany", "Berlin"), ("Italy", "Rome"), ("Spain", "Madrid"),
    ("Portugal", "Lisbon"), ("Austria", "Vienna"), ("Greece", "Athens"), ("Poland", "Warsaw"),
    ("Hungary", "Budapest"), ("Sweden", "Stockholm"), ("Norway", "Oslo"), ("Finland", "Helsinki"),
    ("Denmark", "Copenhagen"), ("Ireland", "Dublin"), ("Russia", "Moscow"), ("Japan", "Tokyo"),
    ("China", "Beijing"), ("South Korea", "Seoul"), ("Thailand", "Bangkok"), ("Egypt", "Cairo"),
    ("Kenya", "Nairobi"), ("Canada", "Ottawa"), ("Cuba", "Havana"), ("Peru", "Lima"),
    ("Argentina", "Buenos Aires"), ("Chile", "Santiago"), ("Australia", "Canberra"), ("Belgium", "Brussels"),
    ("the United Kingdom", "London"), ("the United States", "Washington, D.C."),
)  # fmt: skip

OPPOSITES: tuple[tuple[str, str], ...] = (
    ("hot", "cold"), ("big", "small"), ("fast", "slow"), ("loud", "quiet"), ("high", "low"),
    ("happy", "sad"), ("old", "young"), ("light", "dark"), ("wet", "dry"), ("open", "closed"),
    ("early", "late"), ("full", "empty"), ("near", "far"), ("strong", "weak"), ("rich", "poor"),
    ("easy", "difficult"), ("long", "short"), ("up", "down"), ("left", "right"), ("day", "night"),
    ("begin", "end"), ("buy", "sell"), ("give", "take"), ("push", "pull"), ("always", "never"),
)  # fmt: skip

# English, then German, Spanish, French, Italian
TRANSLATED_WORDS: tuple[tuple[str, str, str, str, str], ...] = (
    ("house", "Haus", "casa", "maison", "casa"),
    ("water", "Wasser", "agua", "eau", "acqua"),
    ("dog", "Hund", "perro", "chien", "cane"),
    ("cat", "Katze", "gato", "chat", "gatto"),
    ("music", "Musik", "música", "musique", "musica"),
    ("book", "Buch", "libro", "livre", "libro"),
    ("sun", "Sonne", "sol", "soleil", "sole"),
    ("bread", "Brot", "pan", "pain", "pane"),
    ("friend", "Freund", "amigo", "ami", "amico"),
    ("city", "Stadt", "ciudad", "ville", "città"),
    ("thank you", "danke", "gracias", "merci", "grazie"),
    ("rain", "Regen", "lluvia", "pluie", "pioggia"),
)
_TRANSLATION_LANGUAGES = ("German", "Spanish", "French", "Italian")
# fmt: on


def text_pair(rng: random.Random) -> tuple[str, str]:
    """Return a question without audio, and its answer."""
    make = rng.choices(
        (_stock_pair, _capital_pair, _opposite_pair, _sum_pair, _translation_pair),
        weights=(12, 2, 2, 2, 2),
    )[0]
    return make(rng)


def _stock_pair(rng: random.Random) -> tuple[str, str]:
    return rng.choice(PAIRS)


def _capital_pair(rng: random.Random) -> tuple[str, str]:
    country, capital = rng.choice(CAPITALS)
    return rng.choice(
        (
            (f"What is the capital of {country}?", f"The capital of {country} is {capital}."),
            (f"Which city is the capital of {country}?", f"It is {capital}."),
            (
                f"{capital} is the capital of which country?",
                f"{capital} is the capital of {country}.",
            ),
            (f"Name the capital of {country}. Answer briefly.", f"{capital}"),
        )
    )


def _opposite_pair(rng: random.Random) -> tuple[str, str]:
    word, opposite = rng.choice(OPPOSITES)
    if rng.random() < 0.3:
        word, opposite = opposite, word
    return rng.choice(
        (
            (f"What is the opposite of {word}?", f"The opposite of {word} is {opposite}."),
            (f"Give me the opposite of '{word}' in one word.", opposite),
            (f"Which word means the opposite of {word}?", f"It is {opposite}."),
        )
    )


def _sum_pair(rng: random.Random) -> tuple[str, str]:
    a, b = rng.randint(1, 12), rng.randint(1, 12)
    low, high = min(a, b), max(a, b)
    return rng.choice(
        (
            (f"What is {a} plus {b}?", f"{a} plus {b} is {a + b}."),
            (f"How much is {high} minus {low}?", f"{high} minus {low} is {high - low}."),
            (f"{a} + {b} = ?", f"{a + b}"),
            (f"Which is larger, {low} or {high + 1}?", f"{high + 1} is larger."),
        )
    )


def _translation_pair(rng: random.Random) -> tuple[str, str]:
    english, *others = rng.choice(TRANSLATED_WORDS)
    language, word = rng.choice(list(zip(_TRANSLATION_LANGUAGES, others, strict=True)))
    return rng.choice(
        (
            (
                f"How do you say '{english}' in {language}?",
                f"'{english}' in {language} is '{word}'.",
            ),
            (f"Translate '{english}' into {language}.", f"{word}"),
            (f"What does the {language} word '{word}' mean?", f"It means '{english}'."),
        )
    )
