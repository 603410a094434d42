"""The promise of quality: how a contract is calibrated, and how it is watched while in use."""
