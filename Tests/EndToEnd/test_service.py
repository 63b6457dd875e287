"""A service manager is told when the worker is ready, that it lives, and that it stops; and monitoring what runs."""

import signal
import socket

import harness


def test_systemd_hears_of_the_worker(bench, sandbox, worker, tmp_path):
    sandbox()
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        manager.settimeout(60)
        settings = {"OTP_CHECK_OTP_SECRET_KEY": harness.KEY, "NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000"}
        process = worker(environment=settings)
        assert manager.recv(256) == b"READY=1"
        assert process.readiness() == {}
        assert [manager.recv(256), manager.recv(256)] == [b"WATCHDOG=1", b"WATCHDOG=1"]
        process.popen.send_signal(signal.SIGTERM)
        while (word := manager.recv(256)) != b"STOPPING=1":
            assert word == b"WATCHDOG=1"
        # Not `end`: a second signal ends a worker at once.
        assert process.popen.wait(40) == 0


def test_metrics_say_which_version_runs_and_what_the_process_takes(sandbox, worker):
    sandbox()
    metrics = worker().wait_ready().metrics()
    assert 'otp_worker_build_info{version="' in metrics
    for name in ("resident_memory_bytes", "cpu_seconds_total", "open_fds", "max_fds", "start_time_seconds"):
        assert f"\nprocess_{name} " in metrics
    for series in ('transactions_total{outcome="unknown"}', 'dead_letters_total{outcome="dropped"}'):
        assert f"\notp_worker_{series} 0" in metrics
