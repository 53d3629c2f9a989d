"""Time whole jobs on the simulated server and on the vendor's ``IQMFakeBackend``, in turns, on the same circuits.

    python benchmarks/against_fake_backend.py [--runs 5] [--shots 1024] [--only GHZ-5 ...] [--tiny]

What is timed is ``backend.run(circuit, shots=...).result().get_counts()``; for the simulated server that includes the
vendor's client, the wire and the queue. "Client alone" is the vendor's client with a server that gives the same
answers at no cost: the floor. Prints medians and ratios as a Markdown table.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import requests
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import QFTGate, efficient_su2
from qiskit.circuit.library import quantum_volume as quantum_volume_circuit
from rustworkx import random_regular_graph

from iqm_fakes.web.transport import InProcess
from pytest_iqm import FakeIQMClient, IQMBackend

SEED = 7
"""Of circuits and transpiler."""


@dataclass(frozen=True)
class Case:
    """One line of the table: a device, and what is run on it."""

    name: str
    device: str
    make: Callable[[IQMBackend], list[QuantumCircuit]]
    peer: bool = True
    """False where the vendor's backend refuses (54 qubits would need more memory than there is) or does not matter."""
    shots: int | None = None
    """Where it is not the usual number; then only the server is timed, without the vendor's client."""
    tiny: bool = False
    """Whether it is fast enough to be run just to see that it runs."""


def ghz(qubits: int) -> Callable[[IQMBackend], list[QuantumCircuit]]:
    """A chain of CX gates, transpiled."""

    def make(backend: IQMBackend) -> list[QuantumCircuit]:
        circuit = QuantumCircuit(qubits)
        circuit.h(0)
        for qubit in range(qubits - 1):
            circuit.cx(qubit, qubit + 1)
        circuit.measure_all()
        if backend.has_resonators():
            from iqm.qiskit_iqm import transpile_to_IQM  # type: ignore[attr-defined]  # after ours, as it is slow

            return [transpile_to_IQM(circuit, backend, seed_transpiler=SEED)]
        return [transpile(circuit, backend, optimization_level=3, seed_transpiler=SEED)]

    return make


def brickwork(qubits: int, depth: int) -> Callable[[IQMBackend], list[QuantumCircuit]]:
    """Layers of random rotations and of CZ on a path of coupled qubits: neither Clifford nor separable."""

    def make(backend: IQMBackend) -> list[QuantumCircuit]:
        random = np.random.default_rng(SEED)
        path = path_of(backend.coupling_map.get_edges(), qubits)
        circuit = QuantumCircuit(backend.num_qubits, qubits)
        for layer in range(depth):
            for qubit in path:
                circuit.r(*random.uniform(0, 2 * np.pi, 2), qubit)
            for first in range(layer % 2, qubits - 1, 2):
                circuit.cz(path[first], path[first + 1])
        circuit.barrier()
        circuit.measure(path, range(qubits))
        return [circuit]

    return make


def quantum_volume(qubits: int) -> Callable[[IQMBackend], list[QuantumCircuit]]:
    """As many layers of random gates on random pairs as there are qubits."""
    return _measured(lambda: quantum_volume_circuit(qubits, seed=SEED))


def qaoa(qubits: int, layers: int) -> Callable[[IQMBackend], list[QuantumCircuit]]:
    """MaxCut on a random graph whose nodes have three edges each."""

    def make() -> QuantumCircuit:
        random = np.random.default_rng(SEED)
        edges = random_regular_graph(qubits, 3, seed=SEED).edge_list()
        circuit = QuantumCircuit(qubits)
        circuit.h(range(qubits))
        for _ in range(layers):
            angle, mix = random.uniform(0, np.pi, 2)
            for edge in edges:
                circuit.rzz(angle, *edge)
            circuit.rx(mix, range(qubits))
        return circuit

    return _measured(make)


def qft_and_back(qubits: int) -> Callable[[IQMBackend], list[QuantumCircuit]]:
    """The quantum Fourier transform of a number, and its inverse."""

    def make() -> QuantumCircuit:
        circuit = QuantumCircuit(qubits)
        circuit.x(range(0, qubits, 2))
        transform = QFTGate(qubits).definition
        circuit.compose(transform, inplace=True)
        circuit.barrier()
        return circuit.compose(transform.inverse())

    return _measured(make)


def hardware_efficient(qubits: int, layers: int) -> Callable[[IQMBackend], list[QuantumCircuit]]:
    """Layers of random rotations and of CZ along a chain, as in a variational eigensolver."""

    def make() -> QuantumCircuit:
        random = np.random.default_rng(SEED)
        circuit = efficient_su2(qubits, reps=layers, entanglement="linear")
        return circuit.assign_parameters(random.uniform(0, np.pi, circuit.num_parameters))

    return _measured(make)


def ising(qubits: int, steps: int) -> Callable[[IQMBackend], list[QuantumCircuit]]:
    """Trotter steps of the Ising model of a chain in a transverse field."""

    def make() -> QuantumCircuit:
        circuit = QuantumCircuit(qubits)
        for _ in range(steps):
            for first in (0, 1):
                for qubit in range(first, qubits - 1, 2):
                    circuit.rzz(0.4, qubit, qubit + 1)
            circuit.rx(0.6, range(qubits))
        return circuit

    return _measured(make)


def _measured(make: Callable[[], QuantumCircuit]) -> Callable[[IQMBackend], list[QuantumCircuit]]:
    """Return what measures all qubits of a circuit, and transpiles it."""

    def measured(backend: IQMBackend) -> list[QuantumCircuit]:
        circuit = make()
        circuit.measure_all()
        return [transpile(circuit, backend, optimization_level=3, seed_transpiler=SEED)]

    return measured


def many(circuits: int) -> Callable[[IQMBackend], list[QuantumCircuit]]:
    """Different circuits of two qubits in one job."""

    def make(backend: IQMBackend) -> list[QuantumCircuit]:
        random = np.random.default_rng(SEED)
        batch = []
        for _ in range(circuits):
            circuit = QuantumCircuit(2)
            for _ in range(2):
                circuit.r(*random.uniform(0, 2 * np.pi, 2), 0)
                circuit.r(*random.uniform(0, 2 * np.pi, 2), 1)
                circuit.cz(0, 1)
            circuit.r(*random.uniform(0, 2 * np.pi, 2), 0)
            circuit.measure_all()
            batch.append(circuit)
        return transpile(batch, backend, seed_transpiler=SEED)  # type: ignore[no-any-return]  # Qiskit is not typed

    return make


CASES = (
    Case("Bell", "adonis", ghz(2), tiny=True),
    Case("GHZ-5", "adonis", ghz(5), tiny=True),
    Case("GHZ-6, MOVE", "deneb", ghz(6), tiny=True),
    Case("GHZ-8", "garnet", ghz(8)),
    Case("GHZ-12", "garnet", ghz(12)),
    Case("GHZ-16", "garnet", ghz(16)),
    Case("GHZ-20", "apollo", ghz(20)),
    Case("random 12 qubits, depth 10", "garnet", brickwork(12, 10)),
    Case("random 16 qubits, depth 10", "garnet", brickwork(16, 10)),
    Case("QV-8", "garnet", quantum_volume(8)),
    Case("QAOA-10, 2 layers", "garnet", qaoa(10, 2)),
    Case("QFT-10 and back", "garnet", qft_and_back(10)),
    Case("HEA-12, 3 layers", "garnet", hardware_efficient(12, 3)),
    Case("QAOA-14, 1 layer", "garnet", qaoa(14, 1)),
    Case("QV-12", "garnet", quantum_volume(12), peer=False),
    Case("QAOA-20, 1 layer", "apollo", qaoa(20, 1), peer=False),
    Case("HEA-20, 2 layers", "apollo", hardware_efficient(20, 2), peer=False),
    Case("HEA-20, 4 layers", "apollo", hardware_efficient(20, 4), peer=False),
    Case("Ising-20, 3 steps", "apollo", ising(20, 3), peer=False),
    Case("HEA-54, 3 layers", "emerald", hardware_efficient(54, 3), peer=False),
    Case("100 circuits of 2 qubits", "garnet", many(100)),
    Case("GHZ-54", "aphrodite", ghz(54), peer=False),
    Case("5 qubits, 1000 shots", "adonis", ghz(5), peer=False, shots=1000),
    Case("5 qubits, 100 000 shots", "adonis", ghz(5), peer=False, shots=100_000),
    Case("5 qubits, 1 000 000 shots", "adonis", ghz(5), peer=False, shots=1_000_000),
    Case("20 qubits, 1 000 000 shots", "apollo", hardware_efficient(20, 2), peer=False, shots=1_000_000),
)


def path_of(edges: Sequence[Sequence[Any]], length: int) -> list[Any]:
    """Return coupled qubits in a row."""
    neighbours: dict[Any, set[Any]] = {}
    for a, b in edges:
        neighbours.setdefault(a, set()).add(b)
        neighbours.setdefault(b, set()).add(a)

    def longer(path: list[Any]) -> list[Any] | None:
        if len(path) == length:
            return path
        ahead = neighbours[path[-1]] - set(path)
        tried = (longer([*path, qubit]) for qubit in sorted(ahead, key=lambda q: len(neighbours[q] - set(path))))
        return next((found for found in tried if found), None)

    found = next((found for start in sorted(neighbours) if (found := longer([start]))), None)
    if found is None:
        raise ValueError(f"there is no path of {length} qubits")
    return found


def _seconds(backend: Any, circuits: list[QuantumCircuit], shots: int) -> float:
    run = circuits[0] if len(circuits) == 1 else circuits
    start = time.perf_counter()
    job = backend.run(run, shots=shots)
    result = job.result()
    if not result.success:
        raise RuntimeError(f"a job of {backend} failed: {job.error_message()}")
    result.get_counts()
    return time.perf_counter() - start


def _client_seconds(backend: Any, circuits: list[QuantumCircuit], shots: int, runs: int) -> float:
    """Return the seconds of the vendor's client, with answers that have been given before."""
    answers: list[requests.Response] = []
    ask = InProcess.request

    def remember(transport: InProcess, method: str, url: str, **arguments: Any) -> requests.Response:
        answers.append(ask(transport, method, url, **arguments))
        return answers[-1]

    with mock.patch.object(InProcess, "request", remember):
        _seconds(backend, circuits, shots)
    seconds = []
    for _ in range(runs):
        again = iter(answers)
        with mock.patch.object(InProcess, "request", lambda *arguments, again=again, **more: next(again)):
            seconds.append(_seconds(backend, circuits, shots))
    return statistics.median(seconds)


def _server_seconds(client: FakeIQMClient, backend: IQMBackend, circuits: list[QuantumCircuit], shots: int) -> float:
    """Return the seconds of simulation and result documents."""
    server = client.server
    backend.run(circuits, shots=shots)
    body = server.jobs[-1].body
    start = time.perf_counter()
    job = server.submit(next(iter(server.devices)), body)
    server.measurements(str(job.id))
    server.measurement_counts(str(job.id))
    return time.perf_counter() - start


def _row(case: Case, runs: int, shots: int) -> str:
    client = FakeIQMClient(case.device, seed=SEED)
    ours = IQMBackend(client)
    if case.shots is not None:
        times = [[_server_seconds(client, ours, case.make(ours), case.shots)] for _ in range(runs)]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        seconds = statistics.median(t for (t,) in times)
        how = f"largest memory so far {peak:.1f} GiB"
        return f"| {case.name}, server alone | {case.device} | | {_text(seconds)} | | | {how} |"
    circuits = case.make(ours)
    backends: list[Any] = [ours]
    if case.peer:
        module = importlib.import_module(f"iqm.qiskit_iqm.fake_backends.fake_{case.device}")
        backends.append(getattr(module, f"IQMFake{case.device.title()}")())
    for backend in backends:
        _seconds(backend, circuits, 1)  # what is prepared once is not timed
    times = [[_seconds(backend, circuits, shots) for backend in backends] for _ in range(runs)]
    floor = _client_seconds(ours, circuits, shots, runs)
    mine, *peer = (statistics.median(column) for column in zip(*times, strict=True))
    choices = [choice for circuit in client.server.jobs[-1].simulation for choice in circuit]
    how = max(choices, key=lambda choice: choice.estimate.seconds)
    return (
        f"| {case.name} | {case.device} | {_text(peer[0]) if peer else 'refuses'} | {_text(mine)} "
        f"| {f'**{peer[0] / mine:.1f}**' if peer else ''} | {_text(floor)} ({mine / floor:.1f}) "
        f"| {how.engine.method} {how.engine.name}, {how.estimate.width} components |"
    )


def _text(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--shots", type=int, default=1024)
    parser.add_argument("--only", nargs="*", default=[], help="names of lines, or beginnings of them")
    parser.add_argument("--tiny", action="store_true", help="only see that it runs: small circuits, few shots, once")
    options = parser.parse_args()
    warnings.simplefilter("ignore", DeprecationWarning)  # iqm-client 36 warns about itself
    cases = [case for case in CASES if not options.only or case.name.startswith(tuple(options.only))]
    runs, shots = options.runs, options.shots
    if options.tiny:
        cases, runs, shots = [case for case in cases if case.tiny], 1, 16
    print("| circuit | device | IQMFakeBackend | FakeIQMClient | ratio | client alone | simulated by |")
    print("|---|---|---|---|---|---|---|")
    for case in cases:
        print(_row(case, runs, shots), flush=True)


if __name__ == "__main__":
    main()
