"""Keeps credentials out of everything that pytest shows or writes.

Few places see all of it: reports, before anybody gets them; the streams that the terminal's text and live logs are
written to; the formatter of the log file; the writer of ``--debug``; files that are written as the session ends; and
names of tests, where they are made. What programs log, warn of or print is not changed for themselves.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, TextIO

import pytest

from iqm_fakes import atomic_write
from iqm_fakes.recordings.credentials import Secrets


class Redaction:
    """A plugin that does it, until :meth:`lift`.

    Args:
        config: Of the run.
        secrets: What is kept out.
        files: JSON or HTML files that are written as the session ends; a JUnit file is looked at, too.

    """

    def __init__(self, config: pytest.Config, secrets: Secrets, files: Sequence[Path]) -> None:
        self.secrets = secrets
        junit = getattr(config.option, "xmlpath", None)
        self._files = [*files, *([Path(junit)] if junit else [])]
        self._undo = ExitStack()
        for stream in {id(stream): stream for stream in (sys.stdout, sys.stderr) if stream is not None}.values():
            self._filter(stream)
        logs = config.pluginmanager.get_plugin("logging-plugin")
        if logs is not None:
            logs.log_file_handler.setFormatter(_Formatter(logs.log_file_handler.formatter, secrets.redacted))
        trace = config.trace.root
        if config.option.debug and (write := trace._writer) is not None:  # nothing public tells it
            trace.setwriter(lambda text: write(secrets.redacted(text)))

    def lift(self) -> None:
        """Leave streams as they were found."""
        self._undo.close()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Keep credentials out of usage errors, which are shown after the session.

        Raises:
            pytest.UsageError: What is raised inside the ``with`` block.

        """
        try:
            yield
        except pytest.UsageError as error:
            raise pytest.UsageError(*(self.secrets.redacted(str(text)) for text in error.args)) from None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> Generator[None, object, object]:
        """Name parameters without credentials, so that all who show, send or keep node ids agree on them."""
        made = yield
        calls = metafunc._calls  # pytest's hook for ids is not asked for those that a test names itself
        taken = {call.id for call in calls}
        for at, call in enumerate(calls):
            name = self.secrets.redacted(call.id)
            if name != call.id:
                number = next(number for number in count() if f"{name}{number or ''}" not in taken)
                taken.add(clean := f"{name}{number or ''}")
                calls[at] = replace(call, _idlist=[clean])
        return made

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep credentials out of reports: tracebacks show headers, and assertions show the environment."""
        report = yield
        self.secrets.look()
        data = item.config.hook.pytest_report_to_serializable(config=item.config, report=report)
        clean = self.redacted(data)
        if clean == data:
            return report
        cleaned: pytest.TestReport = item.config.hook.pytest_report_from_serializable(config=item.config, data=clean)
        return cleaned

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Keep credentials out of reports of modules that can't be imported."""
        report = yield
        self.secrets.look()
        report.sections = self.redacted(report.sections)
        if report.failed and (text := self.secrets.redacted(report.longreprtext)) != report.longreprtext:
            report.longrepr = text
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, None, None]:
        """Look at files that have more than reports: problems of a live run, properties of the session."""
        yield
        for file in filter(Path.is_file, self._files):
            text = file.read_text(encoding="utf-8")
            shown = "<{}>" if file.suffix == ".json" else "&lt;{}&gt;"
            if (clean := self.secrets.redacted(text, shown)) != text:
                atomic_write.write(file, clean)

    def redacted(self, data: Any) -> Any:
        """Return a document without credentials in its texts."""
        if isinstance(data, str):
            return self.secrets.redacted(data)
        if isinstance(data, dict):
            return {self.redacted(key): self.redacted(value) for key, value in data.items()}
        if isinstance(data, list | tuple):
            return type(data)(self.redacted(value) for value in data)
        return data

    def _filter(self, stream: TextIO) -> None:
        """Let a stream write what is redacted, whoever has it already."""
        write, replaced = stream.write, "write" in vars(stream)
        stream.write = lambda text: write(self.secrets.redacted(text))  # type: ignore[method-assign]
        if replaced:
            self._undo.callback(setattr, stream, "write", write)
        else:
            self._undo.callback(delattr, stream, "write")


class _Formatter(logging.Formatter):
    """Formats as another one does, and redacts that."""

    def __init__(self, formatter: logging.Formatter | None, redacted: Callable[[str], str]) -> None:
        super().__init__()
        self._formatter = formatter or logging.Formatter()
        self._redacted = redacted

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return self._redacted(self._formatter.format(record))
