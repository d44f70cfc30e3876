"""Writes the class schemas of this folder from the schema export within ocsf-json-schema.

    pip install ocsf-json-schema==1.2.0
    python compile.py
"""

import json
from importlib.resources import files
from pathlib import Path

from ocsf_json_schema import OcsfJsonSchemaEmbedded

VERSION = "1.8.0"
CLASSES = [
    "account_change",
    "api_activity",
    "entity_management",
    "group_management",
    "user_access",
    "web_resources_activity",
]
# This class has an actor only under a profile, which our events of the class name.
PROFILES = {"web_resources_activity": ["host"]}

export = json.loads(files("ocsf_json_schema").joinpath(f"ocsf/{VERSION}.json").read_text())
schemas = OcsfJsonSchemaEmbedded(export)
folder = Path(__file__).parent


def write(name, value):
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n")


captions = {}
for name in CLASSES:
    # Without other profiles: only what every event of the class may have.
    write(name, schemas.get_class_schema(name, PROFILES.get(name, [])))
    attributes = export["classes"][name]["attributes"]
    captions[str(export["classes"][name]["uid"])] = {
        "class": export["classes"][name]["caption"],
        "category": export["categories"]["attributes"][export["classes"][name]["category"]]["caption"],
        "activities": {uid: row["caption"] for uid, row in attributes["activity_id"]["enum"].items()},
    }
write("captions", captions)
