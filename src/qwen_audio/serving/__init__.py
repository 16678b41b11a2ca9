"""A loaded model behind HTTP: an API that OpenAI's clients speak, and a web page that uses it."""
