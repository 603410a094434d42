"""Deferred work in virtual time: a real store that crashes, providers that are made up."""
