"""A quiz as a content package of QTI 2.1, which most platforms of schools and universities import.

Version 2.1 rather than 1.2: Canvas, Blackboard and Brightspace read both, TAO, OpenOlat and Inspera
only 2.x.

Source: IMS Global, "Question and Test Interoperability (QTI) 2.1: Assessment Test, Section, and
Item Information Model", final version, 2012; the example "choice with feedback" of its guide.
"""

import io
import zipfile
from xml.etree.ElementTree import Element, fromstring

from pipetrace.present.blocks import LETTERS
from pipetrace.present.formats.sheet import Sheet
from pipetrace.present.formats.xml import document, element

QTI = "http://www.imsglobal.org/xsd/imsqti_v2p1"
PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"
WRITTEN = (1980, 1, 1, 0, 0, 0)
"""The date of each file in the package, so that the same quiz gives the same bytes."""


DECLARED = """<declared>
<responseDeclaration identifier="RESPONSE" cardinality="single" baseType="identifier">
  <correctResponse><value>{}</value></correctResponse>
</responseDeclaration>
<outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float">
  <defaultValue><value>0</value></defaultValue>
</outcomeDeclaration>
<outcomeDeclaration identifier="FEEDBACK" cardinality="single" baseType="identifier"/>
</declared>"""
SCORING = """<responseProcessing>
<responseCondition>
  <responseIf>
    <match><variable identifier="RESPONSE"/><correct identifier="RESPONSE"/></match>
    <setOutcomeValue identifier="SCORE"><baseValue baseType="float">1</baseValue></setOutcomeValue>
  </responseIf>
  <responseElse>
    <setOutcomeValue identifier="SCORE"><baseValue baseType="float">0</baseValue></setOutcomeValue>
  </responseElse>
</responseCondition>
<setOutcomeValue identifier="FEEDBACK"><variable identifier="RESPONSE"/></setOutcomeValue>
</responseProcessing>"""
"""One point for the right answer, and the remark on the chosen one."""


def qti(made: Sheet) -> bytes:
    """A package: its manifest, the test and a file for each question."""
    items = {
        f"question{number}": _item(made, number - 1) for number in range(1, len(made.questions) + 1)
    }
    files = {
        "imsmanifest.xml": _manifest(made, list(items)),
        "test.xml": _test(made, list(items)),
    } | {f"{name}.xml": item for name, item in items.items()}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        for name, root in files.items():
            package.writestr(zipfile.ZipInfo(name, WRITTEN), document(root).encode())
    return packed.getvalue()


def _identifier(made: Sheet, name: str) -> str:
    """One that no other quiz has."""
    return f"pipetrace-{made.digest().hex()[:16]}-{name}"


def _manifest(made: Sheet, items: list[str]) -> Element:
    resources = [
        element(
            "resource",
            element("file", href="test.xml"),
            *(element("dependency", identifierref=_identifier(made, name)) for name in items),
            identifier=_identifier(made, "test"),
            type="imsqti_test_xmlv2p1",
            href="test.xml",
        )
    ] + [
        element(
            "resource",
            element("file", href=f"{name}.xml"),
            identifier=_identifier(made, name),
            type="imsqti_item_xmlv2p1",
            href=f"{name}.xml",
        )
        for name in items
    ]
    return element(
        "manifest",
        element(
            "metadata",
            element("schema", "QTIv2.1 Package"),
            element("schemaversion", "1.0.0"),
        ),
        element("organizations"),
        element("resources", *resources),
        xmlns=PACKAGE,
        identifier=_identifier(made, "manifest"),
    )


def _test(made: Sheet, items: list[str]) -> Element:
    section = element(
        "assessmentSection",
        *(element("assessmentItemRef", identifier=name, href=f"{name}.xml") for name in items),
        identifier="questions",
        title=made.name,
        visible="true",
    )
    return element(
        "assessmentTest",
        element(
            "testPart",
            section,
            identifier="quiz",
            navigationMode="nonlinear",
            submissionMode="individual",
        ),
        xmlns=QTI,
        identifier=_identifier(made, "test"),
        title=made.name,
    )


def _item(made: Sheet, number: int) -> Element:
    each = made.questions[number]
    right = LETTERS[each.answer]
    choices = (
        element("simpleChoice", option, identifier=letter)
        for letter, option in zip(LETTERS, each.options, strict=False)
    )
    feedback = (
        element(
            "modalFeedback",
            remark,
            outcomeIdentifier="FEEDBACK",
            identifier=letter,
            showHide="show",
        )
        for letter, remark in zip(LETTERS, each.remarks, strict=False)
    )
    return element(
        "assessmentItem",
        *fromstring(DECLARED.format(right)),  # noqa: S314 our own text
        element(
            "itemBody",
            element(
                "choiceInteraction",
                element("prompt", each.text),
                *choices,
                responseIdentifier="RESPONSE",
                shuffle="false",
                maxChoices="1",
            ),
        ),
        fromstring(SCORING),  # noqa: S314
        *feedback,
        xmlns=QTI,
        identifier=_identifier(made, f"question{number + 1}"),
        title=f"{made.name}, question {number + 1}",
        adaptive="false",
        timeDependent="false",
    )
