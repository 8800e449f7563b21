"""The list of sessions that go on: who is logged in where, and how to end one of them.

Public: `djwto.contrib.sessions.models.Session`, the URLs in `djwto.contrib.sessions.urls` and
what the settings name. It is a list for people to look at: whether a session has ended is for
the blacklist to say, and no token is believed or refused for what stands here.
"""
