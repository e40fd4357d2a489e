"""The words of plans, verifications and receipts as people read them, marked for translation. Decides nothing."""

from kdx.inventory.assess.answers import WORDS
from kdx.inventory.assess.decisions import Decision
from kdx.inventory.assess.finding import Severity
from kdx.language import N_
from kdx.remotes.interface import Kind, SkipReason
from kdx.transfer.copy import CONFLICT, NAME_REFUSED
from kdx.transfer.plan import Action
from kdx.transfer.verify import How, Level, Outcome

ACTIONS = {
    Action.SEND: N_("send"),
    Action.REPLACE: N_("replace"),
    Action.COMPARE: N_("compare"),
    Action.PRESENT: N_("present"),
    Action.CARRIED: N_("carried"),
    Action.RULE: N_("left by rule"),
    Action.UNREAD: N_("not read"),
    Action.WAITING: N_("waiting"),
    Action.BLOCKED: N_("blocked"),
    Action.EXTRA: N_("extra"),
}
"""Each in the order a plan is printed."""

ACTION_MEANINGS = {
    Action.SEND: N_("not at the target yet"),
    Action.REPLACE: N_("changed since this migration wrote it"),
    Action.COMPARE: N_("something lies at the target: the same bytes, or a conflict"),
    Action.PRESENT: N_("at the target already, as this migration wrote it"),
    Action.CARRIED: N_("folders that the names of their files carry"),
    Action.RULE: N_("ignored names, links, empty folders where the target has none, and what was decided so"),
    Action.UNREAD: N_("could not be read"),
    Action.WAITING: N_("the school decided to wait"),
    Action.BLOCKED: N_("the target cannot hold it as it is, or a person must decide"),
    Action.EXTRA: N_("gone from the source, or sent under another name; stays at the target"),
}

OUTCOMES = {
    Outcome.PROVEN: N_("proven"),
    Outcome.LISTED: N_("listed"),
    Outcome.UNPROVEN: N_("not proven"),
    Outcome.DIFFERENT: N_("different"),
    Outcome.MISSING: N_("missing"),
    Outcome.CONFLICT: N_("conflict"),
    Outcome.ALTERED: N_("altered by the service"),
    Outcome.ALTERED_SAME: N_("altered by the service, content the same"),
    Outcome.ALTERED_OTHER: N_("altered by the service, content differs"),
    Outcome.UNREAD: N_("not read"),
    Outcome.WAITING: N_("waiting"),
    Outcome.BLOCKED: N_("blocked"),
    Outcome.RULE: N_("left by rule"),
    Outcome.CARRIED: N_("carried"),
    Outcome.EXTRA: N_("extra"),
    Outcome.FOREIGN: N_("foreign"),
}

HOW = {
    How.STORE_MD5: N_("store MD5"),
    How.STORE_PARTS: N_("store MD5 of parts"),
    How.STORE_SHA256: N_("store SHA-256"),
    How.READ_BACK: N_("read back"),
    How.FOLDER: N_("folder"),
    How.LISTING: N_("listing"),
}

HOW_MEANINGS = {
    How.STORE_MD5: N_("the store's own MD5 equals that of the bytes read at the source"),
    How.STORE_PARTS: N_("the store's own MD5 of all parts equals that of the bytes read at the source"),
    How.STORE_SHA256: N_("the server computed the SHA-256 of what it holds, and it is that of the source"),
    How.READ_BACK: N_("every byte was read back and has the SHA-256 of the source"),
    How.FOLDER: N_("a folder has no bytes; it is there"),
    How.LISTING: N_("name and size only"),
}

LEVELS = {Level.LISTING: N_("listing"), Level.CHECKSUM: N_("checksum"), Level.READBACK: N_("readback")}

KINDS = {
    Kind.FILE: N_("{count} files"),
    Kind.DIRECTORY: N_("{count} folders"),
    Kind.LINK: N_("{count} links"),
}

SENT = N_("sent")

REASONS = {
    SkipReason.IGNORED: N_("ignored"),
    SkipReason.LINK: N_("symlink"),
    SkipReason.SPECIAL: N_("special"),
    SkipReason.LOCKED: N_("locked"),
    SkipReason.DENIED: N_("denied"),
    SkipReason.VANISHED: N_("vanished"),
    SkipReason.CHANGED: N_("changed"),
    SkipReason.FAULTY: N_("faulty"),
    SkipReason.NO_BYTES: N_("made inside the service, without bytes of its own"),
    CONFLICT: N_("conflict"),
    NAME_REFUSED: N_("name refused"),
}

SEVERITIES = {Severity.BLOCKS: N_("blocks"), Severity.DECIDE: N_("to decide"), Severity.NOTE: N_("note")}
SEVERITY_MEANINGS = {
    Severity.BLOCKS: N_("the target cannot hold it so; nothing is moved before it is decided"),
    Severity.DECIDE: N_("the target can hold it; the school says whether it goes"),
    Severity.NOTE: N_("good to know; nothing waits for it"),
}
DECISIONS = WORDS
DECISION_MEANINGS = {
    Decision.RENAME: N_("move it under the new name; nothing changes on the server"),
    Decision.SKIP: N_("do not move it; it stays on the server and is named in the receipt"),
    Decision.KEEP: N_("move it as it is"),
    Decision.WAIT: N_("not now; the migration stays open until this is decided"),
}
