"""Office files, and what SharePoint makes of them: the properties of its library in the parts meant for properties.

After what people found in files they had uploaded (rclone issue 2599 and the reports it names): a folder customXml,
docProps/custom.xml, and the lists that name them; everything is packed anew.
"""

import io
import zipfile
from collections.abc import Callable, Mapping

from openpyxl import Workbook

_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_ITEM = (
    f'<Relationship Id="rIdSP1" Type="{_RELATIONS}/customXml" Target="../customXml/item1.xml"/></Relationships>'
)
_PROPERTIES = (
    f'<Relationship Id="rIdSP2" Type="{_RELATIONS}/custom-properties" Target="docProps/custom.xml"/></Relationships>'
)
_TYPE = (
    '<Override PartName="/docProps/custom.xml"'
    ' ContentType="application/vnd.openxmlformats-officedocument.custom-properties+xml"/>'
    '<Override PartName="/customXml/itemProps1.xml"'
    ' ContentType="application/vnd.openxmlformats-officedocument.customXmlProperties+xml"/></Types>'
)

Members = dict[str, bytes]


def workbook(text: str = "時間割") -> bytes:
    """A workbook as openpyxl writes it."""
    book, raw = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for number in range(200):
        sheet.append([text, number])
    book.save(raw)
    return raw.getvalue()


def members(package: bytes) -> Members:
    """What is in a package, by name."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {part.filename: archive.read(part) for part in archive.infolist()}


def packed(parts: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A package of these members."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return raw.getvalue()


def changed(package: bytes, change: Callable[[Members], object]) -> bytes:
    """The same package with a change to its members, packed anew."""
    parts = members(package)
    change(parts)
    return packed(parts)


def promoted(package: bytes) -> bytes:
    """What SharePoint makes of a workbook."""

    def promote(parts: Members) -> None:
        parts["customXml/item1.xml"] = b"<p:properties/>"
        parts["customXml/itemProps1.xml"] = b"<ds:datastoreItem/>"
        parts["docProps/custom.xml"] = b"<Properties>ContentTypeId</Properties>"
        parts["docProps/core.xml"] = parts["docProps/core.xml"].replace(b"openpyxl", b"somebody")
        for name, end, lines in (
            ("[Content_Types].xml", "</Types>", _TYPE),
            ("_rels/.rels", "</Relationships>", _PROPERTIES),
            ("xl/_rels/workbook.xml.rels", "</Relationships>", _ITEM),
        ):
            assert end.encode() in parts[name]
            parts[name] = parts[name].replace(end.encode(), lines.encode())

    return changed(package, promote)
