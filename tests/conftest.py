"""Fixtures: each test gets its own servers and tools, and shows their logs when it fails."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "e2e"))
from harness.process import Group, Process, binary, environment  # noqa: E402
from harness.server import ReservedPort, Server  # noqa: E402

SKIPPED_EXIT_CODE = 77  # what CMake registers as SKIP_RETURN_CODE


class Stage:
    """Starts servers and tools for one test, and ends them after it."""

    def __init__(self, home):
        self.home = pathlib.Path(home)
        self.servers = []
        self.processes = []
        self.ports = []

    def env(self, **overrides):
        return environment(self.home, **overrides)

    def server(self, *options, **where):
        started = Server(self.env(), *options, **where)
        self.servers.append(started)
        return started

    def reserve_port(self):
        """A port without a server; or for one that is to come back to it."""
        self.ports.append(ReservedPort())
        return self.ports[-1]

    def lasting_server(self, *options):
        """A server that restart() can begin anew at the same address."""
        return self.server(*options, listen=self.reserve_port().address)

    def restart(self, server):
        """Another server like a lasting one that has ended."""
        host, port = server.address
        return self.server(*server.options, listen=f"{host}:{port}")

    def tool(self, name, *arguments, env=None, **options):
        """One of the project's binaries in the background."""
        return self._keep(Process([binary(name), *arguments], env or self.env(), **options))

    def run(self, name, *arguments, stdin=b"", **options):
        """One of the project's binaries from its start to its end; it has the exit code as `code`."""
        process = self.tool(name, *arguments, **options)
        process.feed(stdin)
        process.code = process.wait()
        return process

    def shell(self, script, env=None, **options):
        """A script for bash that finds the project's binaries on its PATH."""
        env = env or self.env()
        env["PATH"] = f"{pathlib.Path(binary('wsserve')).parent}:{env['PATH']}"
        return self._keep(Group(["bash", "-c", script], env, **options))

    def process(self, command, env=None, **options):
        """Any other program, with whatever it starts."""
        return self._keep(Group(command, env or self.env(), **options))

    def _keep(self, process):
        self.processes.append(process)
        return process

    def finish(self):
        for process in self.processes:
            process.end()
        failures = []
        for server in self.servers:
            try:
                server.finish()
            except AssertionError as failure:
                failures.append(str(failure))
        for port in self.ports:
            port.release()
        assert not failures, "\n".join(failures)

    def logs(self):
        for process in [server.process for server in self.servers] + self.processes:
            yield repr(process), process.stderr[-20000:]


@pytest.fixture
def stage(tmp_path):
    made = Stage(tmp_path)
    yield made
    made.finish()


@pytest.fixture
def server(stage):
    """A server with the defaults."""
    return stage.server()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    stage = getattr(item, "funcargs", {}).get("stage")
    if report.failed and stage:
        for command, log in stage.logs():
            report.sections.append((f"stderr of {command}", log))


def pytest_sessionfinish(session, exitstatus):
    """A file that could not run here is shown as skipped by ctest, not as passed or failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    # Without tests: the file was skipped as a whole, while it was collected.
    is_well = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    if is_well and reporter.stats.get("skipped") and not reporter.stats.get("passed"):
        session.exitstatus = SKIPPED_EXIT_CODE
