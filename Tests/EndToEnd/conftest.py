import pytest

import harness


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def brokers(folder):
    with harness.broker(folder) as address:
        yield address


@pytest.fixture
def bench(brokers, folder):
    return harness.Bench(brokers, folder).create_topics()


@pytest.fixture
def processes():
    """Whatever a test starts is ended with it, by its own process id."""
    started = []
    yield started
    for process in reversed(started):
        if process.is_running():
            process.kill()


@pytest.fixture
def sandbox(bench, folder, processes):
    def start(*arguments):
        bench.sandbox = harness.Sandbox(folder, "--implicit-sessions", "--wrong-codes", "50", *arguments)
        processes.append(bench.sandbox)
        return bench.sandbox

    return start


@pytest.fixture
def worker(bench, processes):
    def start(*arguments, **options):
        process = harness.Worker(bench, *arguments, **options)
        processes.append(process)
        return process

    return start


@pytest.fixture
def results(bench):
    counter = bench.watch()
    yield counter
    counter.close()
