#!/usr/bin/env python3
"""A client's `X_User` is not `X-User`, in variables neither.

Seen in review: names with '_' are dropped from what is forwarded, but $http_x_user took them for X-User, so that
`proxy_set_header X-User $http_x_user` passed on what a proxy before weir would have removed.
"""
from weirtest import Case, main


class UnderscoreNames(Case):
    def test_variable_does_not_see_a_name_with_an_underscore(self):
        backend = self.backend()
        weir = self.proxied(backend, location="proxy_set_header X-User $http_x_user;")
        self.assertEqual(self.get(weir, headers=[("X_User", "evil")]).status, 200)
        self.assertFalse(backend.requests[-1].has("x-user"))
        self.assertEqual(self.get(weir, headers=[("X-User", "good"), ("X_User", "evil")]).status, 200)
        self.assertEqual(backend.requests[-1].get("x-user"), "good")


if __name__ == "__main__":
    main()
