"""A picture of a chip: qubits and couplers coloured by error, two calibrations side by side."""

from __future__ import annotations

import os
from typing import Any

from iqm_fakes.device.comparison import errors
from iqm_fakes.device.device import Device


def draw(old: Device, new: Device, path: str | os.PathLike[str]) -> None:
    """Write a picture of two devices to a file whose ending says the format.

    Qubits are coloured by the error of prx, couplers by that of cz (of move, where a qubit and a resonator have only
    that); both pictures have the same scale. What has no published error, or no gate any more, is grey.

    Raises:
        ValueError: matplotlib or networkx is not installed.
        OSError: The file can't be written.

    """
    try:
        import networkx
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError(f"a picture needs the extra 'plot': pip install 'pytest-iqm[plot]' ({error})") from None

    chip = networkx.Graph()
    for device in (old, new):
        architecture = device.static_quantum_architecture
        chip.add_nodes_from([*architecture["qubits"], *architecture["computational_resonators"]])
        chip.add_edges_from(architecture["connectivity"])
    places = networkx.kamada_kawai_layout(chip)
    figure = Figure(figsize=(15, 7), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 2)
    shown = [_errors(device, chip) for device in (old, new)]
    for title, edges in (("prx error", False), ("cz error", True)):
        values = [value for parts in shown for value in parts[edges].values()]
        scale = _scale(values)
        for axis, parts, device in zip(axes, shown, (old, new), strict=True):
            (_couplers if edges else _qubits)(axis, chip, places, parts[edges], scale)
            axis.set_title(f"{device.display_name}\ncalibration set {device.default_calibration_set_id}", fontsize=9)
            axis.set_axis_off()
            axis.set_aspect("equal")
        figure.colorbar(scale, ax=axes, label=title, shrink=0.7)
    figure.savefig(path, dpi=120)


def _errors(device: Device, chip: Any) -> tuple[dict[Any, float], dict[Any, float]]:
    """Return the errors of qubits and of couplers."""
    published = errors(device.calibration())
    qubits = {name: published["prx", (name,)] for name in chip.nodes if ("prx", (name,)) in published}
    couplers = {}
    for a, b in chip.edges:
        places = [(gate, locus) for gate in ("cz", "move") for locus in ((a, b), (b, a))]
        found = [published[place] for place in places if place in published]
        if found:
            couplers[a, b] = found[0]
    return qubits, couplers


def _scale(values: list[float]) -> Any:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm

    low, high = (min(values), max(values)) if values else (1e-3, 1e-1)
    low = max(low, 1e-6)
    return ScalarMappable(LogNorm(low, max(high, low * 1.01)), "viridis_r")


def _qubits(axis: Any, chip: Any, places: Any, values: dict[Any, float], scale: Any) -> None:
    colours = [scale.to_rgba(values[name]) if name in values else "lightgrey" for name in chip.nodes]
    x, y = zip(*(places[name] for name in chip.nodes), strict=True)
    axis.scatter(x, y, s=420, c=colours, edgecolors="black", linewidths=0.8, zorder=2)
    for name, place in places.items():
        dark = name in values and sum(scale.to_rgba(values[name])[:3]) < 1.5
        colour = "white" if dark else "black"
        axis.annotate(name, place, ha="center", va="center", fontsize=6, zorder=3, color=colour)


def _couplers(axis: Any, chip: Any, places: Any, values: dict[Any, float], scale: Any) -> None:
    for a, b in chip.edges:
        (x1, y1), (x2, y2) = places[a], places[b]
        known = (a, b) in values
        axis.plot(
            [x1, x2],
            [y1, y2],
            color=scale.to_rgba(values[a, b]) if known else "lightgrey",
            linewidth=4 if known else 1.5,
            linestyle="-" if known else ":",
            zorder=1,
        )
