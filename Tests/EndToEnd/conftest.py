import pytest

import contract
import fleets
import harness
import tcp_proxy


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def brokers(folder):
    with harness.broker(folder) as address:
        yield address


@pytest.fixture(scope="session")
def carrier():
    carrier = tcp_proxy.Carrier()
    yield carrier
    carrier.close()


@pytest.fixture(scope="session")
def lines(brokers, carrier):
    """An undisturbed way to the broker, for clients of the tests that read transactions."""
    proxy = fleets.proxy_before(brokers, carrier)
    yield proxy
    proxy.close()


@pytest.fixture
def fleet(brokers, lines, folder, carrier, processes):
    """A bench whose workers have lines of their own, to the broker and to the upstream."""

    def make(*sandbox, partitions=6, prepare=lambda bench: None):
        bench = harness.Bench(lines.address, folder, partitions)
        prepare(bench)
        bench.create_topics()
        bench.sandbox = harness.Sandbox(folder, "--implicit-sessions", "--wrong-codes", "50", *sandbox)
        processes.append(bench.sandbox)
        made.append(fleets.Fleet(bench, brokers, carrier, processes.append))
        return made[-1]

    made = []
    yield make
    for fleet in made:
        fleet.close()
        contract.check(fleet.bench)
        fleet.bench.close()


@pytest.fixture
def bench(lines, folder):
    """Topics of their own; whatever a test leaves on them is held against the published contract."""
    bench = harness.Bench(lines.address, folder).create_topics()
    yield bench
    contract.check(bench)
    bench.close()


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
    def start(*arguments, **options):
        bench.sandbox = harness.Sandbox(folder, "--implicit-sessions", "--wrong-codes", "50", *arguments, **options)
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


def pytest_addoption(parser):
    group = parser.getgroup("chaos")
    group.addoption("--chaos-seed", type=int, default=1, help="the first seed of the chaos runs")
    group.addoption("--chaos-runs", type=int, help="how many, with consecutive seeds; unset: some, for five minutes at most")


def pytest_generate_tests(metafunc):
    if "chaos_seed" in metafunc.fixturenames:
        first, runs = metafunc.config.getoption("chaos_seed"), metafunc.config.getoption("chaos_runs")
        metafunc.parametrize("chaos_seed", range(first, first + (3 if runs is None else runs)))


@pytest.fixture
def is_chaos_bounded(request):
    return request.config.getoption("chaos_runs") is None
