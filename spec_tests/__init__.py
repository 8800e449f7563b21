"""The conformance suite of djwto: does a blacklist keep its promises, and do the signals?

`python -m djwto.spec_tests --backend DOTTED.PATH` runs it from any folder.
"""
