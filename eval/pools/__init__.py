"""Routing onto a pool of GPUs, simulated in virtual time: what each way to price it comes to.

Traffic (``traffic``) meets a model of a pool (``plant``) through routers that price it differently
(``routers``); everything is drawn from a seed.
"""
