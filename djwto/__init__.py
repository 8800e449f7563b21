"""JWT authentication for Django: views and signals over a blacklist of your choice.

Public: the decorators in `djwto.authentication`, the signals in `djwto.signals`, the views
in `djwto.views`, the contract of a backend in `djwto.blacklist`, the exceptions in
`djwto.exceptions`, and the functions that the hooks replace: `process_claims`, `process_user`
and `process_perms` in `djwto.claims`, `user_authenticate` in `djwto.login`, with `login_name` for
a hook that counts. Everything else may change in any release.
"""

__version__ = "1.0.0a1"
