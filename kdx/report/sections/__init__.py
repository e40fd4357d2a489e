"""The sections of the report in the order they are read: the most urgent first. A new one: a function, a line here."""

from collections.abc import Iterator

from kdx.report.sections import checklist, content, progress, saving, weather
from kdx.report.sections.section import Audience, Section
from kdx.survey import Survey

ORDER = (
    saving.promises, saving.calendar, weather.weather, saving.drills, progress.matrix, progress.streams,
    progress.burn_up, checklist.checklist, content.migration, content.years, content.types,
)


def sections(survey: Survey, audience: Audience) -> Iterator[Section]:
    """Yield what these readers may see."""
    for make in ORDER:
        section = make(survey, audience)
        if section.audience <= audience:
            yield section
