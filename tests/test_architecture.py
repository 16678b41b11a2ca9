"""The rules of the house that a machine can keep."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1] / "src" / "qwen_audio"
LAYERS = [
    *("errors", "audio", "text", "tasks", "model", "checkpoints", "inference"),
    *("data", "training", "evaluation", "serving", "cli"),
]
MOST_LINES, MOST_FUNCTION_LINES = 400, 50
# The public face imports lazily; a chat template is text.
WHERE_TAGS_MAY_BE_SPELLED = {"text/vocab.py", "text/tags.py"}


def layer_of(name):
    return LAYERS.index(name.removesuffix(".py"))


def sources():
    return sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def test_every_import_points_backwards():
    wrong = []
    for file in sources():
        own = layer_of(file.relative_to(ROOT).parts[0])
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if module.startswith("qwen_audio.") and layer_of(module.split(".")[1]) > own:
                wrong.append(f"{file.relative_to(ROOT)}:{node.lineno} uses {module}")
    assert not wrong, "\n".join(wrong)


def test_files_and_functions_stay_small():
    wrong = []
    for file in sources():
        text = file.read_text(encoding="utf-8")
        if text.count("\n") > MOST_LINES:
            wrong.append(f"{file.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.body[0].lineno + 1  # a signature is a table
                doc = ast.get_docstring(node, clean=False) or ""
                if lines - doc.count("\n") > MOST_FUNCTION_LINES:
                    wrong.append(f"{file.relative_to(ROOT)}:{node.lineno} {node.name}: {lines}")
    assert not wrong, "\n".join(wrong)


def test_tags_are_spelled_in_one_place():
    wrong = []
    for file in sources():
        if file.relative_to(ROOT).as_posix() in WHERE_TAGS_MAY_BE_SPELLED:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        docs = {id(node) for node in docstrings(tree)}
        for node in ast.walk(tree):
            value = node.value if isinstance(node, ast.Constant) else None
            is_text = isinstance(value, str) and id(node) not in docs
            if is_text and "<|" in value and "\\" not in value:
                wrong.append(f"{file.relative_to(ROOT)}:{node.lineno} {value!r}")
    assert not wrong, "\n".join(wrong)


def docstrings(tree):
    """Yield the docstring constants, and the string statements that document a name."""
    for node in ast.walk(tree):
        for child in (
            getattr(node, "body", []) if isinstance(getattr(node, "body", []), list) else []
        ):
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                yield child.value


def test_the_readme_is_short():
    readme = ROOT.parents[1] / "README.md"
    assert readme.read_text(encoding="utf-8").count("\n") <= 150
