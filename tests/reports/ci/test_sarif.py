"""SARIF: valid by the standard's own schema, and what GitHub asks beyond it."""

from __future__ import annotations

import json
import re
from textwrap import dedent
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sarif_kit import validation_errors

import convcost
from convcost.errors import Place, visible


def test_a_report(worked, render):
    assert render("sarif", worked) == dedent(
        f"""\
        {{
          "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
          "version": "2.1.0",
          "runs": [
            {{
              "tool": {{
                "driver": {{
                  "name": "convcost",
                  "version": "{convcost.__version__}",
                  "rules": [
                    {{
                      "id": "mults-max",
                      "shortDescription": {{
                        "text": "The mults are within their limit."
                      }},
                      "fullDescription": {{
                        "text": "The mults are within their limit."
                      }},
                      "help": {{
                        "text": "The mults are within their limit."
                      }}
                    }},
                    {{
                      "id": "params-growth",
                      "shortDescription": {{
                        "text": "The params grow no more than allowed."
                      }},
                      "fullDescription": {{
                        "text": "The params grow no more than allowed."
                      }},
                      "help": {{
                        "text": "The params grow no more than allowed."
                      }}
                    }},
                    {{
                      "id": "params-max",
                      "shortDescription": {{
                        "text": "The params are within their limit."
                      }},
                      "fullDescription": {{
                        "text": "The params are within their limit."
                      }},
                      "help": {{
                        "text": "The params are within their limit."
                      }}
                    }}
                  ]
                }}
              }},
              "originalUriBaseIds": {{
                "%SRCROOT%": {{
                  "description": {{
                    "text": "The folder in which convcost ran."
                  }}
                }}
              }},
              "columnKind": "unicodeCodePoints",
              "results": [
                {{
                  "ruleId": "mults-max",
                  "ruleIndex": 0,
                  "level": "error",
                  "message": {{
                    "text": "nets/small.yaml: 1,600 mults above the limit of 8,000 (120 %). Most of it: wide 9,216."
                  }},
                  "locations": [
                    {{
                      "physicalLocation": {{
                        "artifactLocation": {{
                          "uri": "nets/small.yaml",
                          "uriBaseId": "%SRCROOT%"
                        }},
                        "region": {{
                          "startLine": 5,
                          "startColumn": 7
                        }}
                      }}
                    }}
                  ],
                  "relatedLocations": [
                    {{
                      "id": 1,
                      "physicalLocation": {{
                        "artifactLocation": {{
                          "uri": "convcost.yaml",
                          "uriBaseId": "%SRCROOT%"
                        }},
                        "region": {{
                          "startLine": 4,
                          "startColumn": 10
                        }}
                      }},
                      "message": {{
                        "text": "max: 8k"
                      }}
                    }},
                    {{
                      "id": 2,
                      "physicalLocation": {{
                        "artifactLocation": {{
                          "uri": "nets/small.yaml",
                          "uriBaseId": "%SRCROOT%"
                        }},
                        "region": {{
                          "startLine": 3,
                          "startColumn": 1
                        }}
                      }},
                      "message": {{
                        "text": "stem: 384"
                      }}
                    }}
                  ],
                  "partialFingerprints": {{
                    "convcost/v1": "0a1b"
                  }}
                }},
                {{
                  "ruleId": "params-max",
                  "ruleIndex": 2,
                  "level": "warning",
                  "message": {{
                    "text": "my nets/b[1].yaml: 580 params, 96.7 % of the limit of 600."
                  }},
                  "locations": [
                    {{
                      "physicalLocation": {{
                        "artifactLocation": {{
                          "uri": "my%20nets/b%5B1%5D.yaml",
                          "uriBaseId": "%SRCROOT%"
                        }},
                        "region": {{
                          "startLine": 2,
                          "startColumn": 1
                        }}
                      }}
                    }}
                  ],
                  "partialFingerprints": {{
                    "convcost/v1": "2c3d"
                  }}
                }}
              ]
            }}
          ]
        }}
        """
    )


def read(text):
    """Return the run of a valid log."""
    log = json.loads(text)
    assert validation_errors(log) == []
    (run,) = log["runs"]
    return run


def test_a_report_is_valid_by_the_schema_of_the_standard(worked, render):
    run = read(render("sarif", worked[:2], worked[2:]))
    assert [result["level"] for result in run["results"]] == ["error", "warning"]


def test_the_schema_refuses_what_is_not_in_the_standard(worked, render):
    """Else the tests above would prove nothing."""
    log = json.loads(render("sarif", worked))
    log["runs"][0]["results"][0]["severity"] = "error"
    assert validation_errors(log) != []


def test_nothing_found_is_a_run_without_results(worked, render):
    """Null would mean that nothing was looked for: §3.14.23."""
    assert read(render("sarif", worked[1:2]))["results"] == []
    assert read(render("sarif", []))["tool"]["driver"]["rules"] == []


def test_each_result_names_its_rule(worked, render):
    run = read(render("sarif", [*worked, *reversed(worked)]))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["mults-max", "params-growth", "params-max"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [
        result["ruleId"] for result in run["results"]
    ]


def test_a_finding_without_a_place(worked, render):
    """It is shown at what is related, such as the limit; else nowhere, which is valid."""
    limited, nowhere = read(
        render("sarif", [replace(worked[0], place=None), replace(worked[0], place=None, related=())])
    )["results"]
    (location,) = limited["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "convcost.yaml"
    assert "locations" not in nowhere


def test_a_file_without_a_line_has_no_region(worked, render):
    (result,) = read(render("sarif", [replace(worked[0], place=Place("a.yaml"))]))["results"]
    assert set(result["locations"][0]["physicalLocation"]) == {"artifactLocation"}


def test_a_module_of_a_model_file_is_a_logical_location(worked, render):
    """§3.28.4, §3.33: what has no lines has names."""
    (result,) = read(render("sarif", [replace(worked[0], place=Place("a.onnx", module="layer1.0.conv1"))]))["results"]
    assert result["locations"] == [
        {
            "physicalLocation": {"artifactLocation": {"uri": "a.onnx", "uriBaseId": "%SRCROOT%"}},
            "logicalLocations": [{"fullyQualifiedName": "layer1.0.conv1", "kind": "module"}],
        }
    ]


@pytest.mark.parametrize(
    ("file", "artifact"),
    [
        ("a.yaml", {"uri": "a.yaml", "uriBaseId": "%SRCROOT%"}),
        ("nets/../#1?.yaml", {"uri": "%231%3F.yaml", "uriBaseId": "%SRCROOT%"}),
        ("c:1.yaml", {"uri": "c%3A1.yaml", "uriBaseId": "%SRCROOT%"}),  # else `c` would be a scheme
        ("層.yaml", {"uri": "%E5%B1%A4.yaml", "uriBaseId": "%SRCROOT%"}),
        ("\udcff.yaml", {"uri": "%FF.yaml", "uriBaseId": "%SRCROOT%"}),  # a byte that is not UTF-8
        ("/no where/a.yaml", {"uri": "file:///no%20where/a.yaml"}),
    ],
)
def test_a_file_is_a_uri(file, artifact, worked, render):
    """RFC 3986; a relative reference has a base, an absolute one none: §3.4.4."""
    (result,) = read(render("sarif", [replace(worked[0], place=Place(file, 1, 1))]))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == artifact


def test_no_text_is_a_placeholder_or_a_link(worked, render):
    """Braces are doubled (§3.11.5); `](` would make a link of what is in brackets (§3.11.6)."""
    (result,) = read(render("sarif", [replace(worked[0], message="{0} [here](1) a[0]")]))["results"]
    assert result["message"]["text"] == "{{0}} [here] (1) a[0]"


def test_hostile_texts_make_a_valid_log(hostile, render):
    assert_valid(hostile, render("sarif", hostile))


@given(data=st.data())
def test_any_texts_make_a_valid_log(data, findings, render):
    found = data.draw(findings)
    assert_valid(found, render("sarif", found))


def assert_valid(found, text):
    run = read(text)
    problems = [each for each in found if each.level in ("error", "warning")]
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) == len(problems)
    for finding, result in zip(problems, run["results"], strict=True):
        told = result["message"]["text"]
        assert told.replace("{{", "{").replace("}}", "}").replace("] (", "](") == visible(finding.message).replace(
            "] (", "]("
        )
        assert not re.search(r"\[.*\]\(|(?<!\{)(\{\{)*\{\d+\}", told)
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == visible(finding.rule)
        artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert re.fullmatch(r"([A-Za-z0-9_.~!$&'()*+,;=@:/-]|%[0-9A-F]{2})*", artifact["uri"])
        if "uriBaseId" in artifact:  # as `..` and `/` in a text may lead elsewhere
            assert unquote_to_bytes(artifact["uri"])
        else:
            assert artifact["uri"].startswith("file:///")
