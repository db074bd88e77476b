#!/usr/bin/env python3
"""Variables that the configuration makes: geo and split_clients, as nginx has them."""
import socket

from weirtest import Case, main


class Geo(Case):
    def values(self, http: str, *addresses: str, template: str = "$v") -> list[str]:
        weir = self.weir(f"""{http} server {{ listen <<front>>; set_real_ip_from 127.0.0.0/8; real_ip_header X-Client;
            location / {{ return 200 "[{template}]"; }} }}""")
        return [self.get(weir, headers={"X-Client": each}).text[1:-1] for each in addresses]

    def test_most_specific_network_counts(self):
        seen = self.values("""geo $v { default far; 10.0.0.0/8 ten; 10.1.0.0/16 one; 10.1.2.3 host; 10.1.2.0/24 two; 2001:db8::/32 six;
            192.0.2.0/24 gone; delete 192.0.2.0/24; }""", "10.9.9.9", "10.1.9.9", "10.1.2.9", "10.1.2.3", "11.0.0.1", "2001:db8::1", "2001:db9::1",
                           "192.0.2.1", "10.255.255.255", "9.255.255.255")
        self.assertEqual(seen, ["ten", "one", "two", "host", "far", "six", "far", "far", "ten", "far"])

    def test_ranges_lie_within_ranges(self):
        seen = self.values("geo $v { ranges; 10.0.0.0-10.0.0.255 outer; 10.0.0.16-10.0.0.31 inner; 10.0.0.20-10.0.0.20 one; 0.0.0.0-0.0.0.9 low; }",
                           "10.0.0.15", "10.0.0.16", "10.0.0.20", "10.0.0.21", "10.0.0.32", "10.0.1.0", "0.0.0.5")
        self.assertEqual(seen, ["outer", "inner", "one", "inner", "outer", "", "low"])

    def test_address_of_a_proxy_is_looked_behind(self):
        weir = self.weir("""geo $v { default far; proxy 127.0.0.0/8; proxy 10.0.0.0/8; 192.0.2.0/24 near; 10.0.0.0/8 proxy; }
            geo $r { default far; proxy 127.0.0.0/8; proxy 10.0.0.0/8; proxy_recursive; 192.0.2.0/24 near; }
            geo $arg_a $named { default far; 192.0.2.0/24 near; }
            server { listen <<front>>; location / { return 200 "$v $r $named"; } }""")
        seen = [self.get(weir, path, headers={"X-Forwarded-For": each}).text
                for path, each in (("/", "192.0.2.1"), ("/", "192.0.2.1, 10.0.0.1"), ("/", "192.0.2.1, 198.51.100.1"), ("/?a=192.0.2.7", "x"))]
        self.assertEqual(seen, ["near near far", "proxy near far", "far far far", "far far near"])

    def test_included_file_brings_networks(self):
        weir = self.weir("geo $v { default far; include networks; } server { listen <<front>>; location / { return 200 $v; } }", start=False)
        (weir.dir / "networks").write_text("127.0.0.0/8 here;\n")
        self.assertEqual(self.get(weir.start()).text, "here")


class Tcp(Case):
    def test_connection_is_measured(self):
        weir = self.weir("""server { listen <<front>>; listen unix:<<dir>>/front.sock; location / { return 200 "$tcpinfo_rtt $tcpinfo_rttvar $tcpinfo_snd_cwnd $tcpinfo_rcv_space"; }
            location /asked { auth_request /inner; auth_request_set $rtt $tcpinfo_rtt; add_header X-Rtt $rtt always; root <<dir>>; } location /inner { return 204; } }""")
        rtt, variance, window, space = (int(each) for each in self.get(weir).text.split())
        self.assertTrue(0 < rtt < 1_000_000 and variance < 1_000_000, (rtt, variance))  # microseconds of the loopback
        self.assertGreater(window, 0)
        self.assertGreater(space, 0)
        self.assertRegex(self.get(weir, "/asked").get("x-rtt") or "", r"^\d+$")
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(weir.dir / "front.sock"))
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while got := s.recv(4096):
                answer += got
        self.assertTrue(answer.endswith(b"\r\n\r\n   "), answer)


class Referers(Case):
    def test_requests_from_other_pages_have_the_variable(self):
        weir = self.weir("""server { listen <<front>>; server_name own.example;
            location / { valid_referers none blocked server_names *.friend.example ~^search\\.; if ($invalid_referer) { return 403; } return 200 "x"; }
            location /strict { valid_referers own.example/page; if ($invalid_referer) { return 403; } return 200 "x"; }
            location /any { return 200 "[$invalid_referer]"; } }""")
        client = self.client(weir)

        def ask(path: str, referer: str | None) -> int:
            return client.request(path=path, headers=[] if referer is None else [("Referer", referer)]).status
        pages = (None, "hidden", "http://own.example/x", "https://a.friend.example/", "http://search.example/", "http://thief.example/")
        self.assertEqual([ask("/", each) for each in pages], [200, 200, 200, 200, 200, 403])
        self.assertEqual([ask("/strict", each) for each in pages + ("http://own.example/page/1",)], [403, 403, 403, 403, 403, 403, 200])
        self.assertEqual(client.request(path="/any", headers=[("Referer", "http://thief.example/")]).text, "[]")


class SplitClients(Case):
    def test_parts_are_those_of_nginx(self):
        weir = self.weir("""split_clients $arg_k $v { 0.5% a; 20% b; 29.5% c; * d; }
            split_clients $arg_k $half { 50% yes; 50% no; } split_clients $arg_k $little { 0.01% x; }
            server { listen <<front>>; location / { return 200 "$v $half [$little]"; } }""")
        client = self.client(weir)
        seen = [client.request(path=f"/?k={key}").text for key in ("", "a", "ab", "abc", "user-1", "user-2", "10.0.0.1", "192.168.1.7")]
        self.assertEqual(seen, NGINX)
        counts = {}
        for i in range(400):
            part = client.request(path=f"/?k=client-{i}").text.split()[0]
            counts[part] = counts.get(part, 0) + 1
        self.assertEqual(sum(counts.values()), 400)
        self.assertTrue(60 <= counts["b"] <= 100 and 90 <= counts["c"] <= 150 and 170 <= counts["d"] <= 240, counts)


# Answered by nginx 1.31.5 for the keys of that test.
NGINX = ["a yes [x]", "d no []", "b yes []", "b yes []", "a yes []", "b yes []", "d no []", "d no []"]

if __name__ == "__main__":
    main()
