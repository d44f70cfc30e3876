#!/usr/bin/env python3
"""Fails where modules of one crate import each other in a circle.

A module is a file. An edge is a path in a `use`, or a path that begins with `crate::`, from one file to another; paths
between a module and the modules inside it do not count, nor do those of tests (`tests.rs`, `mod tests`).

    tests/circles.py            every crate of the workspace
    tests/circles.py shared     one folder
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parent.parent
USE = re.compile(r"^[ \t]*(?:pub(?:\([^)]*\))?[ \t]+)?use[ \t\n]+((?:crate|super|self)\b[^;]*);", re.MULTILINE)
PATH = re.compile(r"\bcrate((?:::\w+)+)")


def flattened(tree):
    """The paths of a use tree: `a::{b, c::d}` is `a::b` and `a::c::d`."""
    tree = re.sub(r"\s+as\s+\w+", "", tree).strip()
    head, brace, rest = tree.partition("{")
    if not brace:
        return [[part for part in head.strip().split("::") if part]]
    begin = [part for part in head.strip().split("::") if part]
    parts, depth, part = [], 0, ""
    for character in rest[: rest.rindex("}")]:
        if character == "," and depth == 0:
            parts.append(part)
            part = ""
            continue
        depth += {"{": 1, "}": -1}.get(character, 0)
        part += character
    parts.append(part)
    return [begin + path for part in parts if part.strip() for path in flattened(part)]


def modules_of(source):
    """The files of a crate by the names of their modules; the root has no name."""
    modules = {}
    for file in sorted(source.rglob("*.rs")):
        name = list(file.relative_to(source).with_suffix("").parts)
        if name[-1] == "tests" or "bin" in name[:1]:
            continue
        if name[-1] == "mod" or name in (["lib"], ["main"]):
            name.pop()
        modules.setdefault("::".join(name), file)
    return modules


def imports(name, text, modules):
    """The modules that a module imports from."""
    text = re.sub(r"//[^\n]*", "", text.split("#[cfg(test)]\nmod tests")[0])
    here = name.split("::") if name else []
    paths = []
    for use in USE.finditer(text):
        for first, *rest in flattened(use.group(1)):
            base = {"crate": [], "self": here, "super": here[:-1]}[first]
            while rest[:1] == ["super"]:
                base, rest = base[:-1], rest[1:]
            paths.append(base + rest)
    paths += [match.group(1).split("::")[1:] for match in PATH.finditer(text)]
    for path in paths:
        for end in range(len(path), 0, -1):
            found = "::".join(path[:end])
            if found in modules:
                if found != name and not related(found, name):
                    yield found
                break


def related(one, other):
    return one.startswith(other + "::") or other.startswith(one + "::") or not one or not other


def circles(edges):
    """Strongly connected components of more than one module (Tarjan)."""
    numbers, low, stack, found = {}, {}, [], []

    def visit(module):
        numbers[module] = low[module] = len(numbers)
        stack.append(module)
        for next_one in edges[module]:
            if next_one not in numbers:
                visit(next_one)
                low[module] = min(low[module], low[next_one])
            elif next_one in stack:
                low[module] = min(low[module], numbers[next_one])
        if low[module] == numbers[module]:
            at = stack.index(module)
            component = stack[at:]
            del stack[at:]
            if len(component) > 1:
                found.append(component)

    for module in edges:
        if module not in numbers:
            visit(module)
    return found


def main():
    sys.setrecursionlimit(10_000)
    folders = [ROOT / folder for folder in sys.argv[1:]]
    folders = folders or sorted(
        file.parent
        for pattern in ("*/Cargo.toml", "*/*/Cargo.toml")
        for file in ROOT.glob(pattern)
        if "target" not in file.parts
    )
    count, broken = 0, 0
    for folder in folders:
        modules = modules_of(folder / "src")
        edges = {
            name: set(imports(name, file.read_text(), modules)) for name, file in modules.items()
        }
        count += len(modules)
        for circle in circles(edges):
            broken += 1
            print(f"{folder.relative_to(ROOT)}: {' <-> '.join(sorted(circle))} import each other in a circle")
    print(f"{count} modules in {len(folders)} crates, {broken} circles")
    return 1 if broken or not count else 0


if __name__ == "__main__":
    sys.exit(main())
