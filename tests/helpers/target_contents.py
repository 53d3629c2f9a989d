"""Targets as plain values, to compare them."""


def contents(target):
    """Everything a Target says, as plain values."""
    operations = {}
    for name in target.operation_names:
        for locus, properties in (target[name] or {None: None}).items():
            operations[name, locus] = properties and (properties.error, properties.duration)
    qubits = [(q.t1, q.t2, q.frequency) for q in target.qubit_properties or ()]
    return operations, qubits, target.num_qubits, target.dt
