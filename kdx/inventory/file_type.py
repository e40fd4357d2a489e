"""What kind of file a name says it is, as a school knows it. Pure; the content is never looked at.

Source of the list: kdx's own survey of what lies on school file servers (一太郎, DocuWorks, Excel macros for marks and
hours, Access, FAX images, old LZH archives, 外字). An ending that is not listed is shown as it stands.
"""

from kdx.language import N_

OWNER_FILE = N_("Office owner file (a document is open)")
NO_ENDING = N_("without an ending")

_TYPES = {
    N_("Ichitaro document"): "jtd jtt jttc jtdc jsw jaw jbw juw jfw",
    N_("Hanako drawing"): "jhd jhdc jht",
    N_("DocuWorks document"): "xdw xbd xct",
    N_("Word document"): "doc docx docm dot dotx dotm rtf",
    N_("Excel workbook"): "xls xlsx xlsb xlt xltx",
    N_("Excel workbook with macros"): "xlsm xltm xlam xla",
    N_("PowerPoint presentation"): "ppt pptx pptm pps ppsx pot potx",
    N_("Access database"): "mdb accdb mde accde",
    N_("Access lock file"): "ldb laccdb",
    N_("Publisher document"): "pub",
    N_("Outlook mail store"): "pst ost msg eml",
    N_("PDF"): "pdf",
    N_("text or table"): "txt csv tsv log md",
    N_("photo"): "jpg jpeg heic heif png gif bmp tif tiff raw cr2 nef arw webp",
    N_("video"): "mp4 mov mts m2ts avi wmv mpg mpeg m4v mkv flv 3gp vob",
    N_("sound"): "mp3 wav m4a wma aac flac mid midi aif",
    N_("drawing"): "ai psd eps svg dxf dwg jww jwc",
    N_("archive"): "zip 7z rar tar gz tgz cab",
    N_("LZH archive"): "lzh",
    N_("program"): "exe msi bat cmd ps1 vbs com dll jar apk",
    N_("shortcut or link"): "lnk url website",
    N_("font or gaiji"): "ttf ttc otf tte euf",
    N_("web page"): "htm html mht mhtml css js",
    N_("disk image"): "iso img vhd vhdx vmdk",
    N_("backup or temporary file"): "bak tmp temp old wbk xlk asd $$$",
}
BY_ENDING = {ending: kind for kind, endings in _TYPES.items() for ending in endings.split()}


def file_type(name: str) -> tuple[str, str]:
    """Given a file's name, return (what it is: an N_() string, its ending in lower case without the dot)."""
    stem, dot, ending = name.rpartition(".")
    if name.startswith("~$"):
        return OWNER_FILE, ending.lower() if dot else ""
    if not dot or not stem or " " in ending or len(ending) > 10:
        return NO_ENDING, ""
    ending = ending.lower()
    return BY_ENDING.get(ending, f".{ending}"), ending


PACKED_ALREADY = frozenset(
    "docx docm dotx dotm xlsx xlsb xlsm xltx xltm pptx pptm ppsx potx odt ods odp jttc jtdc jhdc pdf xdw xbd xct "
    "jpg jpeg heic heif png gif webp cr2 nef arw mp4 mov mts m2ts wmv mpg mpeg m4v mkv flv 3gp vob mp3 m4a wma aac "
    "flac zip 7z rar gz tgz cab jar apk lzh msi".split()
)
"""Endings of files that hold compressed data already: to compress them again costs time and saves nothing."""


def is_packed_already(name: str) -> bool:
    """Whether a name says that its content does not get smaller."""
    return name.rpartition(".")[2].lower() in PACKED_ALREADY
