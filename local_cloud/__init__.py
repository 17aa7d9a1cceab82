"""The local cloud: AWS as far as Greenlight uses it, on loopback; and the demonstration on it.

Others may call `cli.main`, the executable; `control.order`, which talks to a running local cloud;
and `demo`. Nothing but tests imports this package.
"""
