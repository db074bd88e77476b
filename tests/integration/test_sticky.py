#!/usr/bin/env python3
"""Persistence: a client stays with its peer by weir's cookie, by a route, by the application's session; and leaves a peer that is gone."""
import re
import signal

from weirtest import Case, answer, main


def cookie_of(response, name: str = "srv") -> str | None:
    """The value that weir sets; None when it sets none."""
    found = [v for v in response.all("set-cookie") if v.startswith(name + "=")]
    return found[0].partition("=")[2].partition(";")[0] if found else None


class Sticky(Case):
    def setUp(self):
        super().setUp()
        self.backends = {n: self.backend(lambda r, n=n: answer(n)) for n in "abc"}

    def scene(self, sticky: str, words=None, server: str = "", upstream: str = "") -> str:
        words = words or {}
        lines = " ".join(f"server {b.address} {words.get(n, '')};" for n, b in self.backends.items())
        return f"upstream u {{ {lines} {sticky} {upstream} }}\nserver {{ listen <<front>>; {server} location / {{ proxy_pass http://u; }} }}"

    def sent(self, weir, value: str | None, **options):
        return self.get(weir, headers={"Cookie": f"other=1; srv={value}; last=2"} if value else {}, **options)

    def bound_to(self, weir, name: str) -> str:
        """A cookie that binds to this peer."""
        for _ in range(20):
            response = self.sent(weir, None)
            if response.text == name:
                value = cookie_of(response)
                self.assertIsNotNone(value)
                return value
        raise AssertionError(f"{name} never answered")

    def texts(self, weir, value: str, count: int = 8) -> set[str]:
        return {self.sent(weir, value).text for _ in range(count)}


class Cookie(Sticky):
    def test_cookie_has_safe_attributes_and_no_address(self):
        weir = self.weir(self.scene("sticky cookie srv;"))
        response = self.sent(weir, None)
        line = response.get("set-cookie")
        value, _, attributes = line.partition(";")
        self.assertRegex(value, r"^srv=[0-9a-f]{32}$")
        self.assertEqual({a.strip().lower() for a in attributes.split(";")}, {"httponly", "samesite=lax", "path=/"})
        self.assertNotIn(self.backends[response.text].address.encode().hex(), line)

    def test_cookie_has_the_configured_attributes(self):
        weir = self.weir(self.scene("sticky cookie srv expires=1h domain=.example.com path=/app samesite=strict secure;"))
        line = self.sent(weir, None).get("set-cookie").lower()
        for part in ("domain=.example.com", "path=/app", "samesite=strict", "secure", "httponly"):
            self.assertIn("; " + part, line)
        self.assertRegex(line, r"; expires=\w{3}, \d\d[ -]\w{3}[ -]\d{4} \d\d:\d\d:\d\d gmt|; max-age=3600")

    def test_client_stays_with_its_peer(self):
        for workers in (1, 3):
            with self.subTest(workers=workers):
                weir = self.weir(self.scene("sticky cookie srv;"), workers=workers)
                values = {n: self.bound_to(weir, n) for n in "abc"}
                self.assertEqual(len(set(values.values())), 3)
                for name, value in values.items():
                    self.assertEqual(self.texts(weir, value), {name})

    def test_clients_without_a_cookie_are_balanced(self):
        weir = self.weir(self.scene("sticky cookie srv;"))
        self.assertEqual([self.sent(weir, None).text for _ in range(6)], list("abcabc"))

    def test_forged_values_are_replaced(self):
        weir = self.weir(self.scene("sticky cookie srv;"))
        good = self.bound_to(weir, "a")
        for value in ("x", "0" * 32, good[:-1] + ("0" if good[-1] != "0" else "1"), good.upper() + "z", good + "0", good[:16], '"' + good, "a" * 5000):
            with self.subTest(value[:40]):
                responses = [self.sent(weir, value) for _ in range(3)]
                self.assertEqual({r.text for r in responses}, {"a", "b", "c"})
                self.assertTrue(all(re.fullmatch("[0-9a-f]{32}", cookie_of(r)) for r in responses))

    def test_request_and_cookies_pass_unchanged(self):
        self.backends["a"].stop()
        self.backends = {"a": self.backend(lambda r: answer("a", headers=[("Set-Cookie", "session=1"), ("Set-Cookie", "lang=en")]))}
        weir = self.weir(self.scene("sticky cookie srv;"))
        response = self.sent(weir, None)
        self.assertEqual([v.partition("=")[0] for v in response.all("set-cookie")].count("session"), 1)
        self.assertEqual({v.partition("=")[0] for v in response.all("set-cookie")}, {"session", "lang", "srv"})

    def test_client_of_a_missing_peer_is_rebound(self):
        weir = self.weir(self.scene("sticky cookie srv;", {n: "fail_timeout=1s" for n in "abc"}))
        old = self.bound_to(weir, "b")
        address = self.backends["b"].address
        self.backends["b"].stop()
        response = self.sent(weir, old)
        self.assertEqual(response.status, 200)
        new = cookie_of(response)
        self.assertIsNotNone(new)
        self.assertNotEqual(new, old)
        self.assertEqual(self.texts(weir, new), {response.text})
        self.backend(lambda r: answer("b"), address=address)
        self.assertEqual(self.texts(weir, new), {response.text}, "who has been bound anew stays there")
        self.wait_until(lambda: self.sent(weir, old).text == "b", "the old cookie to count again")

    def test_client_of_a_down_peer_is_rebound(self):
        ill = set()
        self.backends = {n: self.backend(lambda r, n=n: answer(n, status=500 if r.path == "/health" and n in ill else 200)) for n in "abc"}
        weir = self.weir(self.scene("sticky cookie srv; health_check interval=100ms fastinter=50ms uri=/health;"))
        old = self.bound_to(weir, "b")
        ill.add("b")
        self.wait_until(lambda: f"{self.backends['b'].address}: down" in weir.errors(), "the peer to be taken down")
        response = self.sent(weir, old)
        self.assertIn(response.text, ("a", "c"))
        self.assertNotEqual(cookie_of(response), old)

    def test_drain_keeps_bound_clients_alone(self):
        weir = self.weir(self.scene("sticky cookie srv;"))
        value = self.bound_to(weir, "b")
        weir.reload(self.scene("sticky cookie srv;", {"b": "drain"}))
        self.assertEqual({self.sent(weir, None).text for _ in range(12)}, {"a", "c"})
        self.assertEqual(self.texts(weir, value), {"b"})
        weir.reload(self.scene("sticky cookie srv;", {"b": "down"}))
        self.assertTrue(self.texts(weir, value) <= {"a", "c"})

    def test_cookies_hold_over_reload_and_restart(self):
        text = self.scene("sticky cookie srv;")
        weir = self.weir(text)
        values = {n: self.bound_to(weir, n) for n in "abc"}
        weir.reload(text)
        for name, value in values.items():
            self.assertEqual(self.texts(weir, value, 4), {name})
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        weir.start()
        for name, value in values.items():
            self.assertEqual(self.texts(weir, value, 4), {name})

    def test_two_weirs_with_a_shared_secret_agree(self):
        text = self.scene("sticky cookie srv secret=0123456789abcdef0123456789abcdef;")
        one, two, other = self.weir(text), self.weir(text), self.weir(self.scene("sticky cookie srv;"))
        value = self.bound_to(one, "c")
        self.assertEqual(self.texts(two, value), {"c"})
        self.assertEqual(self.texts(other, value), {"a", "b", "c"})

    def test_bound_post_fails_over_only_by_the_retry_rule(self):
        """A cookie makes no request repeatable."""
        def dies(conn):
            conn.read_request()
            conn.reset()
        weir = self.weir(self.scene("sticky cookie srv;"))
        value = self.bound_to(weir, "b")
        address = self.backends["b"].address
        self.backends["b"].stop()
        self.backend(script=dies, address=address)
        self.assertEqual(self.sent(weir, value, method="POST", body=b"x").status, 502)
        self.assertEqual(sum(r.method == "POST" for b in self.backends.values() for r in b.requests), 0)

    def test_metrics_count_bound_and_rebound_requests(self):
        weir = self.weir(self.scene("sticky cookie srv;"))
        value = self.bound_to(weir, "a")
        self.texts(weir, value, 5)
        self.sent(weir, "f" * 32)
        self.assertGreaterEqual(weir.metric("weir_sticky_total"), 5)


class Route(Sticky):
    def test_route_names_the_peer(self):
        weir = self.weir(self.scene("sticky route $cookie_r $arg_r;", {n: f"route=r{n}" for n in "abc"}))
        for name in "abc":
            self.assertEqual({self.get(weir, f"/?r=r{name}").text for _ in range(4)}, {name})
            self.assertEqual({self.get(weir, headers={"Cookie": f"r=r{name}"}).text for _ in range(4)}, {name})
        self.assertEqual(self.get(weir, "/?r=ra", headers={"Cookie": "r=rc"}).text, "c", "the first that is not empty")
        self.assertEqual({self.get(weir, "/?r=nobody").text for _ in range(6)}, {"a", "b", "c"})

    def test_route_of_a_dead_peer_is_served_by_others(self):
        weir = self.weir(self.scene("sticky route $arg_r;", {n: f"route=r{n}" for n in "abc"}))
        self.backends["a"].stop()
        self.assertEqual({self.get(weir, "/?r=ra").status for _ in range(6)}, {200})


class Learn(Sticky):
    WORDS = "sticky learn create=$upstream_cookie_session lookup=$cookie_session zone=sessions:1m timeout=1h;"

    def setUp(self):
        super().setUp()

        def application(name):
            def reply(request):
                if request.path == "/login":
                    return answer(name, headers={"Set-Cookie": f"session={name}-{request.get('x-id')}; Path=/"})
                return answer(name)
            return reply
        self.backends = {n: self.backend(application(n)) for n in "abc"}

    def session(self, weir, number: int) -> tuple[str, str]:
        response = self.get(weir, "/login", headers={"X-Id": str(number)})
        return response.text, cookie_of(response, "session")

    def with_session(self, weir, value: str) -> str:
        return self.get(weir, headers={"Cookie": f"session={value}"}).text

    def test_sessions_stay_on_their_peer(self):
        weir = self.weir(self.scene(self.WORDS), workers=3)
        sessions = [self.session(weir, i) for i in range(9)]
        self.assertEqual({name for name, _ in sessions}, {"a", "b", "c"})
        for name, value in sessions:
            self.assertEqual({self.with_session(weir, value) for _ in range(4)}, {name})

    def test_unknown_sessions_are_balanced(self):
        weir = self.weir(self.scene(self.WORDS))
        self.assertEqual({self.with_session(weir, "nobody") for _ in range(6)}, {"a", "b", "c"})

    def test_sessions_hold_over_a_reload(self):
        weir = self.weir(self.scene(self.WORDS))
        sessions = [self.session(weir, i) for i in range(6)]
        weir.reload(self.scene(self.WORDS))
        for name, value in sessions:
            self.assertEqual({self.with_session(weir, value) for _ in range(3)}, {name})

    def test_sessions_of_a_dead_peer_are_served_by_others(self):
        weir = self.weir(self.scene(self.WORDS))
        sessions = [self.session(weir, i) for i in range(3)]
        dead, value = sessions[0]
        self.backends[dead].stop()
        for _ in range(4):
            self.assertEqual(self.get(weir, headers={"Cookie": f"session={value}"}).status, 200)


if __name__ == "__main__":
    main()
