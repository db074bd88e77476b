#!/usr/bin/env python3
"""geoip2{}: variables by what a database in MaxMind's format says of an address. The databases are written here."""
import ipaddress
import struct

from weirtest import Case, main
from weirtest.weir import run


class Short(int):
    """The format tells 16 bits from 32 and 64."""


class Long(int):
    pass


def encoded(value) -> bytes:
    """A value of the format's data section (MaxMind DB File Format Specification 2.0)."""
    def control(kind: int, size: int) -> bytes:
        extended = b"" if kind <= 7 else bytes([kind - 7])
        first = (kind if kind <= 7 else 0) << 5
        return bytes([first | size]) + extended if size < 29 else bytes([first | 29]) + extended + bytes([size - 29])
    if isinstance(value, bool):
        return control(14, int(value))
    if isinstance(value, int):
        data = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return control(5 if isinstance(value, Short) else 9 if isinstance(value, Long) else 6, len(data)) + data
    if isinstance(value, float):
        return control(3, 8) + struct.pack(">d", value)
    if isinstance(value, str):
        return control(2, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return control(11, len(value)) + b"".join(encoded(each) for each in value)
    return control(7, len(value)) + b"".join(encoded(key) + encoded(each) for key, each in value.items())


def database(networks: dict) -> bytes:
    """IPv6 with IPv4 at ::/96; 24 bits a record. What is in the tree: a node, or the data of a network."""
    nodes = [[None, None]]
    for text, value in networks.items():
        network = ipaddress.ip_network(text)
        bits = f"{int(network.network_address):0128b}"
        length = network.prefixlen + (96 if network.version == 4 else 0)
        at = 0
        for bit in bits[:length - 1]:
            if not isinstance(nodes[at][int(bit)], int):
                nodes.append([None, None])
                nodes[at][int(bit)] = len(nodes) - 1
            at = nodes[at][int(bit)]
        nodes[at][int(bits[length - 1])] = encoded(value)
    data, tree = b"", b""
    for node in nodes:
        for record in node:
            if isinstance(record, bytes):
                number = len(nodes) + 16 + len(data)
                data += record
            else:
                number = len(nodes) if record is None else record
            tree += number.to_bytes(3, "big")
    metadata = {"binary_format_major_version": Short(2), "binary_format_minor_version": Short(0), "build_epoch": Long(1700000000), "database_type": "Test",
                "description": {"en": "test"}, "ip_version": Short(6), "languages": ["en"], "node_count": len(nodes), "record_size": Short(24)}
    return tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + encoded(metadata)


class GeoIp(Case):
    NETWORKS = {
        "203.0.113.0/24": {"country": {"iso_code": "AA", "names": {"en": "Aland"}}, "location": {"latitude": 12.5, "eu": True}, "asn": 64500,
                           "subdivisions": [{"iso_code": "A1"}, {"iso_code": "A2"}]},
        "198.51.100.0/25": {"country": {"iso_code": "BB"}},
        "2001:db8::/32": {"country": {"iso_code": "SIX"}},
    }
    LINES = """$country default=ZZ source=$arg_ip country iso_code; $name source=$arg_ip country names en; $latitude source=$arg_ip location latitude;
        $eu source=$arg_ip location eu; $asn source=$arg_ip asn; $second source=$arg_ip subdivisions 1 iso_code; $whole source=$arg_ip country;
        $built metadata build_epoch; $mine default=nobody country iso_code;"""

    def site(self, networks: dict, **options):
        weir = self.weir(f"""geoip2 <<dir>>/a.mmdb {{ {self.LINES} }} map $country $area {{ AA west; BB east; default far; }}
            server {{ listen <<front>>; return 200 "$country|$name|$latitude|$eu|$asn|$second|$whole|$built|$mine|$area"; }}""", start=False, **options)
        (weir.dir / "a.mmdb").write_bytes(database(networks))
        return weir.start()

    def test_variables_hold_values_of_the_database(self):
        weir = self.site(self.NETWORKS)
        for address, seen in (("203.0.113.9", "AA|Aland|12.50000|1|64500|A2||1700000000|nobody|west"), ("198.51.100.5", "BB|||||||1700000000|nobody|east"),
                              ("198.51.100.200", "ZZ|||||||1700000000|nobody|far"), ("2001:db8::7", "SIX|||||||1700000000|nobody|far"),
                              ("::ffff:203.0.113.9", "AA|Aland|12.50000|1|64500|A2||1700000000|nobody|west"), ("nonsense", "ZZ|||||||1700000000|nobody|far")):
            self.assertEqual(self.get(weir, f"/?ip={address}").text, seen, address)

    def test_reload_takes_a_new_database(self):
        weir = self.site(self.NETWORKS)
        self.assertTrue(self.get(weir, "/?ip=198.51.100.5").text.startswith("BB|"))
        (weir.dir / "new").write_bytes(database({"198.51.100.0/24": {"country": {"iso_code": "CC"}}}))
        (weir.dir / "new").rename(weir.dir / "a.mmdb")
        weir.reload()
        self.assertTrue(self.get(weir, "/?ip=198.51.100.5").text.startswith("CC|"))

    def test_new_database_is_taken_without_a_reload(self):
        weir = self.weir(f"""geoip2 <<dir>>/a.mmdb {{ auto_reload 50ms; {self.LINES} }} geoip2 <<dir>>/b.mmdb {{ $other source=$arg_ip country iso_code; }}
            server {{ listen <<front>>; return 200 "$country $other"; }}""", start=False)

        def put(name: str, content: bytes):
            (weir.dir / "new").write_bytes(content)
            (weir.dir / "new").rename(weir.dir / name)
        for name in ("a.mmdb", "b.mmdb"):
            put(name, database(self.NETWORKS))
        weir.start()
        seen = lambda: self.get(weir, "/?ip=198.51.100.5").text  # noqa: E731
        self.assertEqual(seen(), "BB BB")
        put("a.mmdb", b"no database")
        weir.wait_error("geoip2: not renewed")
        self.assertEqual(seen(), "BB BB")
        for name in ("a.mmdb", "b.mmdb"):
            put(name, database({"198.51.100.0/24": {"country": {"iso_code": "CC"}}}))
        self.wait_until(lambda: seen() == "CC BB", "the database that has auto_reload")
        (weir.dir / "a.mmdb").unlink()
        put("a.mmdb", database({"198.51.100.0/24": {"country": {"iso_code": "DD"}}}))
        self.wait_until(lambda: seen() == "DD BB", "another one behind a file that was missing")
        self.assertEqual(weir.errors().count("geoip2: not renewed"), 1)

    def test_yaml_means_the_same(self):
        weir = self.site(self.NETWORKS)
        converted = run("convert", str(weir.config_path))
        self.assertEqual(converted.returncode, 0, converted.stderr)
        (weir.dir / "weir.yaml").write_text(converted.stdout)
        self.assertEqual(run("-c", str(weir.dir / "weir.yaml"), "-t").returncode, 0, converted.stdout)

    def test_broken_database_and_lines_are_errors(self):
        weir = self.site(self.NETWORKS)
        (weir.dir / "broken.mmdb").write_bytes(b"no database")
        for block, message in (("geoip2 none.mmdb { $a x; }", "cannot be opened (No such file or directory)"), ("geoip2 broken.mmdb { $a x; }", "cannot be opened ("),
                               ("geoip2 a.mmdb { $a; }", "invalid line"), ("geoip2 a.mmdb { country iso_code; }", "invalid variable name"),
                               ("geoip2 a.mmdb { $a source=$nothing x; }", 'unknown "nothing" variable'), ("geoip2 a.mmdb { $a metadata last_check; }", "not supported"),
                               ("geoip2 a.mmdb { auto_reload soon; $a x; }", "auto_reload TIME"), ("geoip2 a.mmdb { auto_reload 0; $a x; }", "auto_reload TIME"), ("geoip2 { $a x; }", "invalid number of arguments")):
            (weir.dir / "bad.conf").write_text(f"http {{ {block} }}")
            done = run("-c", str(weir.dir / "bad.conf"), "-t")
            self.assertIn(message, done.stderr + done.stdout, block)
            self.assertEqual(done.returncode, 1, block)


if __name__ == "__main__":
    main()
