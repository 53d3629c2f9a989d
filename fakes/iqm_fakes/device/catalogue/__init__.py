"""The bundled devices: one ``iqm-device/1`` file each, written by :mod:`iqm_fakes.device.catalogue.generate`."""
