#!/usr/bin/env python3
"""Files on the wire: root and alias, index, try_files, conditions, ranges, expires, listings, and disks that disappoint."""
import gzip
import os
import pathlib
import re
import resource
import unittest

from weirtest import Case, answer, main
from weirtest.message import Truncated
from weirtest.weir import run

TIME = 784111777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
# Files that are asked of the kernel's caches, and (links are looked at name by name) those that are always asked of a thread.
LINKS = ("", "disable_symlinks if_not_owner from=<<dir>>;")


class Static(Case):
    def site(self, http: str, files: dict, **options):
        """A weir with that configuration; `files` lie below <<dir>>/www, all of one time."""
        weir = self.weir(http, **options)
        for name, content in files.items():
            self.put(weir, name, content)
        return weir

    def put(self, weir, name: str, content) -> pathlib.Path:
        path = weir.dir / "www" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (TIME, TIME))
        return path

    def check(self, weir, table):
        """(path, status, body or Location or None) for each request."""
        for path, status, expected in table:
            response = self.get(weir, path, host="h.test")
            seen = response.get("location") if 300 <= status < 400 else response.text
            self.assertEqual(response.status, status, path)
            if expected is not None:
                self.assertEqual(seen, expected, path)


class Root(Static):
    @unittest.skipIf(os.environ.get("WEIR_SANITIZE"), "a sanitizer's memory has no bounds")
    def test_cold_path_is_answered_when_no_thread_can_be_had(self):
        weir = self.site("server { listen <<front>>; root <<dir>>/www; %s }" % LINKS[1], {"there": "text"})
        memory = int(weir.status("VmSize").split()[0]) << 10
        resource.prlimit(weir.process.pid, resource.RLIMIT_AS, (memory + (4 << 20), resource.RLIM_INFINITY))
        self.check(weir, [("/none", 404, None), ("/there", 200, "text")])  # the stack of a thread is larger

    def test_file_is_sent_with_its_fields(self):
        weir = self.site("types { text/css css; } default_type application/octet-stream;"
                         "server { listen <<front>>; root <<dir>>/www; }",
                         {"a.css": "body {}", "sub/b": "b", "empty.css": ""})
        response = self.get(weir, "/a.css?x=1")
        self.assertEqual((response.status, response.text), (200, "body {}"))
        fields = {name: response.get(name) for name in ("content-type", "content-length", "last-modified", "etag", "accept-ranges")}
        self.assertEqual(fields, {"content-type": "text/css", "content-length": "7", "last-modified": DATE, "etag": '"2ebc98a1-7"',
                                  "accept-ranges": "bytes"})
        self.assertEqual(self.get(weir, "/sub/b").get("content-type"), "application/octet-stream")
        empty = self.get(weir, "/empty.css")
        self.assertEqual((empty.status, empty.body, empty.get("content-length")), (200, b"", "0"))

    def test_head_declares_the_fields_of_get(self):
        weir = self.site("server { listen <<front>>; root <<dir>>/www; }", {"a.html": "x" * 5000})
        get, head = self.get(weir, "/a.html"), self.get(weir, "/a.html", "HEAD")
        self.assertEqual(head.body, b"")
        ignored = {"date"}
        self.assertEqual([h for h in get.headers if h[0].lower() not in ignored], [h for h in head.headers if h[0].lower() not in ignored])

    def test_paths_lead_to_files_below_the_root_only(self):
        weir = self.site("server { listen <<front>>; root <<dir>>/www; autoindex off; }",
                         {"a.txt": "a", "d/b c.txt": "bc", "d/%.txt": "percent", "é.txt": "accent"})
        (weir.dir / "secret.txt").write_text("secret")
        os.symlink(weir.dir / "secret.txt", weir.dir / "www" / "link.txt")
        os.mkfifo(weir.dir / "www" / "fifo")
        self.check(weir, [
            ("/a.txt", 200, "a"), ("//a.txt", 200, "a"), ("/d/../a.txt", 200, "a"), ("/./d/b%20c.txt", 200, "bc"), ("/d%2Fb%20c.txt", 200, "bc"),
            ("/d/%25.txt", 200, "percent"), ("/%C3%A9.txt", 200, None), ("/link.txt", 200, "secret"),
            ("/../secret.txt", 400, None), ("/d/../../secret.txt", 400, None), ("/%2e%2e/secret.txt", 400, None), ("/..%2fsecret.txt", 400, None),
            ("/a.txt%00", 400, None), ("/a.txt%00.html", 400, None), ("/a%5c.txt", 404, None), ("/A.TXT", 404, None),
            ("/none", 404, None), ("/a.txt/", 404, None), ("/a.txt/b", 404, None), ("/fifo", 404, None), ("/" + "x" * 300, 404, None),
            ("/d", 301, "http://h.test/d/"), ("/d?x=1&y", 301, "http://h.test/d/?x=1&y"), ("/d/", 403, None), ("/", 403, None)])

    def test_other_methods_are_refused(self):
        weir = self.site("server { listen <<front>>; root <<dir>>/www; }", {"a.txt": "a", "d/x": ""})
        for method, path, status in (("POST", "/a.txt", 405), ("PUT", "/a.txt", 405), ("DELETE", "/none", 405), ("OPTIONS", "/a.txt", 405),
                                     ("POST", "/none", 404), ("POST", "/d/", 403)):
            response = self.get(weir, path, method, body=b"body")
            self.assertEqual(response.status, status, (method, path))
            self.assertEqual(response.get("allow"), "GET, HEAD" if status == 405 else None)
        client = self.client(weir)
        self.assertEqual(client.request("GET", "/a.txt", body=b"thrown away").text, "a")
        self.assertEqual(client.request("GET", "/a.txt").text, "a", "the connection goes on")

    def test_unreadable_file_is_forbidden(self):
        weir = self.site("server { listen <<front>>; root <<dir>>/www; location /quiet/ { log_not_found off; } }", {"a.txt": "a"})
        (weir.dir / "www" / "loop").symlink_to("loop")
        self.check(weir, [("/quiet/x", 404, None), ("/gone", 404, None), ("/loop", 403, None)])
        weir.wait_error(r'request /gone: no file \(open\(\) ".*/www/gone" failed \(2: No such file or directory\)')
        if os.geteuid() != 0:
            os.chmod(weir.dir / "www" / "a.txt", 0)
            self.check(weir, [("/a.txt", 403, None)])
        self.assertNotIn("/quiet/x", weir.errors())

    def test_redirects_are_relative_when_asked(self):
        weir = self.site("server { listen <<front>>; root <<dir>>/www; absolute_redirect off; }", {"a b/x": ""})
        self.check(weir, [("/a%20b", 301, "/a%20b/")])

    def test_server_without_root_has_no_files(self):
        weir = self.site("server { listen <<front>>; location /w/ { root <<dir>>/www; } }", {"a.txt": "a", "w/a.txt": "in w"})
        self.check(weir, [("/a.txt", 404, None), ("/w/a.txt", 200, "in w")])

    def test_variables_name_the_root(self):
        weir = self.site("""server { listen <<front>>; root <<dir>>/www/$host; set $part $arg_p;
            location /v/ { alias <<dir>>/www/$part/; } location /up/ { alias <<dir>>/www/h.test/; try_files $arg_f =404; }
            location = /say { return 200 "$document_root|$request_filename"; } }""",
                         {"h.test/a.txt": "of the host", "secret": "s"})
        self.check(weir, [("/a.txt", 200, "of the host"), ("/v/a.txt?p=h.test", 200, "of the host"), ("/v/a.txt?p=none", 404, None),
                          ("/up/x?f=../secret", 404, None), ("/up/x?f=/../secret", 404, None), ("/up/x?f=a.txt", 200, "of the host"),
                          ("/say", 200, f"{weir.dir}/www/h.test|{weir.dir}/www/h.test/say")])


class Alias(Static):
    def test_alias_stands_in_the_place_of_the_prefix(self):
        weir = self.site("""server { listen <<front>>; root <<dir>>/nowhere;
            location /i/ { alias <<dir>>/www/images/; location /i/deep/ { } }
            location /off { alias <<dir>>/www/images; }
            location = /one { alias <<dir>>/www/images/a.png; }
            location ~ ^/u/(?<user>\\w+)/(.*)$ { alias <<dir>>/www/$user/$2; } }""",
                         {"images/a.png": "png", "images/deep/b.png": "deep", "bob/x/c.txt": "of bob", "images/index.html": "index"})
        self.check(weir, [("/i/a.png", 200, "png"), ("/i/deep/b.png", 200, "deep"), ("/i", 404, None), ("/i/", 200, "index"),
                          ("/off/a.png", 200, "png"), ("/off", 301, "http://h.test/off/"), ("/one", 200, "png"), ("/u/bob/x/c.txt", 200, "of bob"),
                          ("/u/bob/x", 301, "http://h.test/u/bob/x/"), ("/off../secret", 404, None)])

    def test_rewritten_path_has_no_alias(self):
        weir = self.site("server { listen <<front>>; location /i/ { rewrite ^ /x break; alias <<dir>>/www/; } }", {"x": "x"})
        self.assertEqual(self.get(weir, "/i/a").status, 500)
        weir.wait_error("no file .alias in a location where the path was rewritten")

    def test_rewritten_path_is_below_the_root(self):
        weir = self.site("server { listen <<front>>; location /i/ { rewrite ^/i/(.*) /x/$1 break; root <<dir>>/www; } }", {"x/a": "moved"})
        self.check(weir, [("/i/a", 200, "moved"), ("/i/%2e%2e/x", 404, None)])


class Index(Static):
    def test_first_index_that_is_there_stands_for_the_directory(self):
        weir = self.site("""server { listen <<front>>; root <<dir>>/www; index $arg_first.html index.html index.txt;
            location ~ \\.txt$ { return 200 "location of $uri?$args"; }
            location /last/ { index none /fallback.html; } }""",
                         {"index.html": "top", "a/index.txt": "x", "b/only.html": "only", "fallback.html": "fallback", "last/x": ""})
        self.check(weir, [("/", 200, "top"), ("/a/?k=v", 200, "location of /a/index.txt?k=v"), ("/b/?first=only", 200, "only"), ("/b/", 403, None),
                          ("/none/", 404, None), ("/last/", 200, "fallback")])
        self.assertEqual(self.get(weir, "/", "HEAD").get("content-length"), "3")
        self.assertEqual(self.get(weir, "/", "POST").status, 405)

    def test_index_may_be_a_peers(self):
        backend = self.backend(lambda request: answer(request.path))
        weir = self.site(f"""server {{ listen <<front>>; root <<dir>>/www; index index.php;
            location ~ \\.php$ {{ proxy_pass http://{backend.address}; }} }}""", {"app/index.php": "source"})
        self.assertEqual(self.get(weir, "/app/?q=1").text, "/app/index.php?q=1")

    def test_listing_shows_the_entries(self):
        weir = self.site("""server { listen <<front>>; root <<dir>>/www; autoindex on;
            location /json/ { autoindex_format json; } location /round/ { autoindex_exact_size off; }
            location /local/ { autoindex_localtime on; } }""",
                         {"json/a.txt": "12345", "json/d/x": "", "round/big": b"x" * 20000, ".hidden": "", "<i>": "x", "local/x": ""},
                         environment={"TZ": "UTC-2"})
        page = self.get(weir, "/")
        self.assertEqual((page.status, page.get("content-type")), (200, "text/html"))
        self.assertRegex(page.text, '(?s)^<html>\r\n<head><title>Index of /</title>.*<a href="json/">json/</a> +.* -\r\n')
        self.assertIn('<a href="%3Ci%3E">&lt;i&gt;</a>', page.text)
        self.assertNotIn("hidden", page.text)
        listing = self.get(weir, "/json/")
        self.assertEqual(listing.get("content-type"), "application/json")
        self.assertRegex(listing.text, r'(?s)"name":"d", "type":"directory".*"name":"a.txt", "type":"file", "mtime":"' + DATE + r'", "size":5 }')
        self.assertIn("    20K\r\n", self.get(weir, "/round/").text)
        self.assertIn(" 06-Nov-1994 10:49 ", self.get(weir, "/local/").text)
        self.assertEqual(self.get(weir, "/", "HEAD").get("content-length"), str(len(page.body)))
        self.check(weir, [("/none/", 404, None), ("/json", 301, "http://h.test/json/")])


class TryFiles(Static):
    def test_first_file_that_is_there_answers(self):
        for links in LINKS:
            with self.subTest(links):
                self.try_files(links)

    def try_files(self, links):
        backend = self.backend(lambda request: answer(f"{request.method} {request.path} {request.body.decode()}"))
        weir = self.site(f"""upstream app {{ server {backend.address}; }}
            server {{ listen <<front>>; root <<dir>>/www; {links}
            location / {{ try_files $uri $uri.html $uri/ /index.html; }}
            location /api/ {{ try_files $uri @app; }}
            location /code/ {{ try_files $uri =410; }}
            location /args/ {{ try_files $uri /api/x?from=$uri&$args; }}
            location /proxied/ {{ try_files $uri $uri.txt =404; proxy_pass http://app; }}
            location /a/ {{ alias <<dir>>/www/images/; try_files $uri default.png =404; }}
            location ~ ^/r/(.*)$ {{ alias <<dir>>/www/; try_files $1 /index.html; }}
            location @app {{ proxy_pass http://app; }} }}""",
                         {"index.html": "spa", "a.html": "a", "d/index.html": "d", "api/real": "real", "images/x.png": "x",
                          "images/default.png": "default", "proxied/f.txt": "never read"})
        self.check(weir, [
            ("/a", 200, "a"), ("/a.html", 200, "a"), ("/route/of/app", 200, "spa"), ("/d", 301, "http://h.test/d/"), ("/d/", 200, "d"), ("/", 200, "spa"),
            ("/api/real", 200, "real"), ("/api/none?k=v", 200, "GET /api/none?k=v "), ("/code/x", 410, None),
            ("/args/x?k=v", 200, "GET /api/x?from=/args/x&k=v "), ("/proxied/f?k=v", 200, "GET /proxied/f?k=v "), ("/proxied/none", 404, None),
            ("/a/x.png", 200, "x"), ("/a/none.png", 200, "default"), ("/r/a.html", 200, "a"), ("/r/none", 200, "spa")])
        self.assertEqual(self.get(weir, "/api/none", "POST", body=b"kept").text, "POST /api/none kept")
        large = self.get(weir, "/api/none", "POST", body=b"x" * 300_000)
        self.assertEqual(len(large.text), 300_000 + len("POST /api/none "))

    def test_upgrade_goes_on_to_the_named_location(self):
        backend = self.backend(lambda request: answer("|".join(request.all("upgrade"))))
        weir = self.site(f"""server {{ listen <<front>>; root <<dir>>/www; location / {{ try_files $uri @app; }}
            location @app {{ proxy_pass http://{backend.address}; }} }}""", {})
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "eA=="}
        self.assertEqual(self.get(weir, "/ws", headers=upgrade).text, "websocket")

    def test_cycle_ends_at_ten_redirects(self):
        weir = self.site("server { listen <<front>>; root <<dir>>/www; location / { try_files $uri /a$uri; } }", {"x": ""})
        self.assertEqual(self.get(weir, "/none").status, 500)
        weir.wait_error("internal redirect refused")

    def test_missing_named_location_is_an_error(self):
        weir = self.site("server { listen <<front>>; root <<dir>>/www; location / { try_files $uri @$arg_n; } location @n { return 200 n; } }", {})
        self.check(weir, [("/x?n=n", 200, "n"), ("/x?n=m", 500, None)])
        weir.wait_error("request /x: no location @m")

    def test_error_page_may_be_a_file(self):
        weir = self.site("""server { listen <<front>>; root <<dir>>/www; error_page 404 /404.html; error_page 403 =200 /403.txt;
            location /d/ { } }""", {"404.html": "lost", "403.txt": "hidden", "d/x": ""})
        self.check(weir, [("/none", 404, "lost"), ("/d/", 200, "hidden")])
        response = self.get(weir, "/none", headers={"If-Modified-Since": DATE, "Range": "bytes=0-0"})
        self.assertEqual((response.status, response.text, response.get("accept-ranges"), response.get("last-modified")), (404, "lost", None, None))
        self.assertEqual(self.get(weir, "/d/", headers={"Range": "bytes=1-2"}).text, "id", "a page that is a 200 is as any")
        self.assertEqual(self.get(weir, "/none", "HEAD").get("content-length"), "4")

    def test_location_inherits_no_try_files(self):
        weir = self.site("""server { listen <<front>>; root <<dir>>/www; try_files /always =404;
            location /in/ { } location /if/ { try_files /always =404; if ($arg_a) { set $b 1; } } }""", {"always": "always"})
        self.check(weir, [("/x", 200, "always"), ("/in/x", 404, None), ("/if/x", 200, "always"), ("/if/x?a=1", 404, None)])

    def test_if_looks_at_files(self):
        for links in LINKS:
            with self.subTest(links):
                self.look_at_files(links)

    def look_at_files(self, links):
        weir = self.site("""server { listen <<front>>; root <<dir>>/www; %s set $steps "";
            if (-f $document_root/maintenance.on) { return 503; }
            if (-d $request_filename) { set $steps "${steps}d"; } if (-e $request_filename) { set $steps "${steps}e"; }
            if (-x $request_filename) { set $steps "${steps}x"; } if (!-f $request_filename) { set $steps "${steps}!f"; }
            if (!-d $request_filename) { set $steps "${steps}!d"; } if (!-e $request_filename) { rewrite ^/r(.*)$ /to$1; }
            location / { return 200 "$steps $uri"; }
            location /in/ { if (-f $document_root/file) { return 200 "in $steps"; } if (!-x /nowhere) { add_header X-No yes; } return 201 "x"; } }""" % links,
                         {"file": "x", "dir/x": "", "in/x": ""})
        os.chmod(weir.dir / "www" / "file", 0o755)
        for _ in range(2):  # the second time the kernel knows the answers
            self.check(weir, [("/file", 200, "ex!d /file"), ("/dir", 200, "dex!f /dir"), ("/none", 200, "!f!d /none"), ("/rx", 200, "!f!d /tox"),
                              ("/in/x", 200, "in e!d")])
        self.assertEqual(self.get(weir, "/file", "POST", body=b"y" * 200_000).text, "ex!d /file")
        self.put(weir, "maintenance.on", "")
        self.check(weir, [("/file", 503, None)])


class Conditions(Static):
    def test_conditional_requests(self):
        weir = self.site("""server { listen <<front>>; root <<dir>>/www;
            location /before/ { if_modified_since before; } location /off/ { if_modified_since off; etag off; } }""",
                         {"a.txt": "abc", "before/a.txt": "abc", "off/a.txt": "abc"})
        later, tag = "Mon, 07 Nov 1994 08:49:37 GMT", '"2ebc98a1-3"'
        for path, headers, status in (
                ("/a.txt", {"If-Modified-Since": DATE}, 304), ("/a.txt", {"If-Modified-Since": later}, 200), ("/a.txt", {"If-None-Match": tag}, 304),
                ("/a.txt", {"If-None-Match": f'"x", W/{tag}'}, 304), ("/a.txt", {"If-None-Match": '"x"', "If-Modified-Since": DATE}, 200),
                ("/a.txt", {"If-Match": '"x"'}, 412), ("/a.txt", {"If-Match": tag}, 200),
                ("/a.txt", {"If-Unmodified-Since": "Sat, 05 Nov 1994 08:49:37 GMT"}, 412), ("/a.txt", {"If-Unmodified-Since": DATE}, 200),
                ("/before/a.txt", {"If-Modified-Since": later}, 304), ("/off/a.txt", {"If-Modified-Since": DATE}, 200),
                ("/off/a.txt", {"If-None-Match": tag}, 200), ("/off/a.txt", {"If-Match": tag}, 412)):
            response = self.get(weir, path, headers=headers)
            self.assertEqual(response.status, status, (path, headers))
            if status == 304:
                self.assertEqual((response.get("etag"), response.get("last-modified"), response.get("content-type")), (tag, DATE, None))
                self.assertFalse(response.has("content-length"))
            if status == 200:
                self.assertEqual(response.text, "abc")
        self.assertFalse(self.get(weir, "/off/a.txt").has("etag"))

    def test_ranges(self):
        content = bytes(range(256)) * 2000  # 512,000: more than one read takes
        weir = self.site("""server { listen <<front>>; root <<dir>>/www;
            location /few/ { max_ranges 1; } location /none/ { max_ranges 0; } }""",
                         {"big": content, "few/big": content, "none/big": content, "empty": ""})
        size = len(content)
        for spec, begin, end in (("0-0", 0, 1), ("100-199", 100, 200), ("511999-", 511999, size), ("-300000", size - 300000, size),
                                 ("0-", 0, size), ("200000-900000", 200000, size)):
            response = self.get(weir, "/big", headers={"Range": "bytes=" + spec})
            self.assertEqual((response.status, response.get("content-range")), (206, f"bytes {begin}-{end - 1}/{size}"), spec)
            self.assertEqual(response.body, content[begin:end], spec)
        for path, spec, status in (("/big", "bytes=512000-", 416), ("/big", "bytes=x", 416), ("/big", "bytes=0-,0-", 200), ("/big", "lines=0-1", 200),
                                   ("/few/big", "bytes=0-0,2-2", 200), ("/few/big", "bytes=0-0", 206), ("/none/big", "bytes=0-0", 200), ("/empty", "bytes=0-0", 200)):
            response = self.get(weir, path, headers={"Range": spec})
            self.assertEqual(response.status, status, (path, spec))
            if status == 416:
                self.assertEqual(response.get("content-range"), f"bytes */{size}")
            if status == 200 and path != "/empty":
                self.assertEqual(response.body, content)
        self.assertFalse(self.get(weir, "/none/big").has("accept-ranges"))
        head = self.get(weir, "/big", "HEAD", headers={"Range": "bytes=0-9"})
        self.assertEqual((head.status, head.get("content-length")), (206, "10"))
        for value, status in (('"2ebc98a1-7d000"', 206), ('"x"', 200), ('W/"2ebc98a1-7d000"', 200), (DATE, 206), ("Sat, 05 Nov 1994 08:49:37 GMT", 200)):
            self.assertEqual(self.get(weir, "/big", headers={"Range": "bytes=0-0", "If-Range": value}).status, status, value)

    def test_several_ranges_are_parts(self):
        content = b"".join(b"%07d\n" % i for i in range(50_000))
        weir = self.site("charset utf-8; server { listen <<front>>; root <<dir>>/www; }", {"a.txt": content, "b.html": content})
        wanted = [(0, 5), (200_000, 399_000), (399_999, 400_000)]
        for name, kind in (("a.txt", "text/plain"), ("b.html", "text/html")):
            response = self.get(weir, "/" + name, headers={"Range": "bytes=" + ",".join(f"{b}-{e - 1}" for b, e in wanted)})
            self.assertEqual(response.status, 206)
            boundary = re.fullmatch(r"multipart/byteranges; boundary=(\w+)", response.get("content-type")).group(1)
            self.assertFalse(response.has("content-range"))
            expected = b"".join(
                f"\r\n--{boundary}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Range: bytes {b}-{e - 1}/{len(content)}\r\n\r\n".encode() + content[b:e]
                for b, e in wanted) + f"\r\n--{boundary}--\r\n".encode()
            self.assertEqual(response.body, expected)

    def test_compressed_file_goes_to_clients_that_take_gzip(self):
        weir = self.site("""server { listen <<front>>; root <<dir>>/www; location / { gzip_static on; }
            location /always/ { gzip_static always; } }""",
                         {"a.html": "plain", "a.html.gz": gzip.compress(b"plain"), "b.html": "only plain", "always/c.html.gz": gzip.compress(b"c"),
                          "d.html": "d", "d.html.gz/x": ""})
        packed = self.get(weir, "/a.html", headers={"Accept-Encoding": "br, gzip"})
        self.assertEqual((packed.get("content-encoding"), packed.get("vary"), packed.get("content-type")), ("gzip", "Accept-Encoding", "text/html"))
        self.assertEqual(gzip.decompress(packed.body), b"plain")
        for path, headers, body in (("/a.html", {}, b"plain"), ("/a.html", {"Accept-Encoding": "gzip;q=0"}, b"plain"),
                                    ("/b.html", {"Accept-Encoding": "gzip"}, b"only plain"), ("/d.html", {"Accept-Encoding": "gzip"}, b"d")):
            response = self.get(weir, path, headers=headers)
            self.assertEqual((response.body, response.get("content-encoding"), response.get("vary")), (body, None, "Accept-Encoding"), (path, headers))
        self.assertEqual(gzip.decompress(self.get(weir, "/always/c.html").body), b"c")


class Hints(Static):
    def test_expires_and_charset_are_for_every_content(self):
        backend = self.backend(lambda request: answer("x", headers=[("Content-Type", "text/html"), ("Cache-Control", "private"), ("Expires", "0")]))
        weir = self.site(f"""map $sent_http_content_type $hold {{ default off; ~image/ max; text/css 1h; }}
            types {{ text/html html; image/png png; text/css css; }}
            server {{ listen <<front>>; root <<dir>>/www; charset utf-8; expires $hold;
            location /year/ {{ expires 1y; add_header X-Always "$sent_http_content_type" always; }}
            location /old/ {{ expires modified +1d; }} location /no/ {{ expires -1; charset off; }} location /epoch/ {{ expires epoch; }}
            location /koi/ {{ charset koi8-r; charset_types image/png; }}
            location /app/ {{ expires 10m; proxy_pass http://{backend.address}; }} location /text/ {{ return 200 text; }} }}""",
                         {"a.html": "a", "a.png": "p", "a.css": "c", "year/a.html": "y", "old/a.html": "o", "no/a.html": "n", "epoch/a.html": "e",
                          "koi/a.png": "p", "koi/a.css": "c"})
        for path, control, kind in (
                ("/a.html", None, "text/html; charset=utf-8"), ("/a.png", "max-age=315360000", "image/png"), ("/a.css", "max-age=3600", "text/css"),
                ("/year/a.html", "max-age=31536000", "text/html; charset=utf-8"), ("/old/a.html", "no-cache", "text/html; charset=utf-8"),
                ("/no/a.html", "no-cache", "text/html"), ("/epoch/a.html", "no-cache", "text/html; charset=utf-8"), ("/koi/a.png", "max-age=315360000", "image/png; charset=koi8-r"),
                ("/koi/a.css", "max-age=3600", "text/css"), ("/app/", "max-age=600", "text/html; charset=utf-8"), ("/text/", None, "text/plain; charset=utf-8")):
            response = self.get(weir, path)
            self.assertEqual((response.status, response.get("cache-control"), response.get("content-type")), (200, control, kind), path)
            self.assertEqual(response.has("expires"), control is not None, path)
        self.assertEqual(self.get(weir, "/old/a.html").get("expires"), "Mon, 07 Nov 1994 08:49:37 GMT")
        lost = self.get(weir, "/year/none")
        self.assertEqual((lost.status, lost.get("expires"), lost.get("x-always")), (404, None, "text/html"))
        self.assertEqual(self.get(weir, "/year/a.html", headers={"If-Modified-Since": DATE}).get("cache-control"), "max-age=31536000")

    def test_added_validators_replace_those_of_the_file(self):
        weir = self.site('''server { listen <<front>>; root <<dir>>/www; location / { add_header Last-Modified $date_gmt; add_header ETag ""; }
            location /local/ { add_header X-Date $date_local; } }''', {"a": "a", "local/a": "a"})
        response = self.get(weir, "/a")
        self.assertRegex(response.get("last-modified"), r"^[A-Z][a-z]+day, \d\d-[A-Z][a-z]{2}-20\d\d \d\d:\d\d:\d\d GMT$")
        self.assertFalse(response.has("etag"))
        self.assertRegex(self.get(weir, "/local/a").get("x-date"), r"^[A-Z][a-z]+day, \d\d-[A-Z][a-z]{2}-20\d\d ")

    def test_links_are_refused_when_disabled(self):
        weir = self.site("""server { listen <<front>>; root <<dir>>/www;
            location /on/ { disable_symlinks on from=$document_root; } location /owner/ { disable_symlinks if_not_owner from=<<dir>>; } }""",
                         {"on/a": "a", "owner/a": "a"})
        for place in ("on", "owner"):
            (weir.dir / "www" / place / "link").symlink_to("a")
        self.check(weir, [("/on/a", 200, "a"), ("/on/link", 403, None), ("/owner/link", 200, "a")])


class Sending(Static):
    def test_large_file_is_whole_at_any_speed(self):
        content = os.urandom(1 << 20) * 6
        weir = self.site("server { listen <<front>>; root <<dir>>/www; }", {"big": content})
        self.assertEqual(self.get(weir, "/big").body, content)
        slow = self.client(weir, receive_buffer=8192)
        slow.send_request(path="/big")
        head = slow.read_until(b"\r\n\r\n")
        self.assertIn(b"200 OK", head)
        self.assertEqual(slow.read(len(content)), content)
        self.assertEqual(slow.request(path="/big", method="HEAD").status, 200, "the connection goes on")

    def test_files_are_the_same_sent_or_read(self):
        content = os.urandom(300_000)
        text = b"all work and no play\n" * 10_000
        weir = self.site("""server { listen <<front>>; root <<dir>>/www; gzip_types text/plain;
            location /read { sendfile off; } location /coded { gzip on; types { text/plain txt; } } location /slow { limit_rate 100m; } }""",
                         {f"{place}/{name}": data for place in ("sent", "read", "coded", "slow")
                          for name, data in (("a.bin", content), ("a.txt", text))})
        for place in ("sent", "read", "coded", "slow"):
            client = self.client(weir)
            self.assertEqual(client.request(path=f"/{place}/a.bin").body, content)
            self.assertEqual(client.request(path=f"/{place}/a.txt").body, text)
            part = client.request(path=f"/{place}/a.bin", headers={"Range": "bytes=50000-249999"})
            self.assertEqual((part.status, part.body), (206, content[50000:250000]), place)
        coded = self.get(weir, "/coded/a.txt", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(coded.get("content-encoding"), "gzip")
        self.assertEqual(gzip.decompress(coded.body), text)
        sizes = [line.split()[9] for line in weir.wait_log(13)]
        self.assertEqual(sizes[:3], ["300000", str(len(text)), "200000"])
        self.assertEqual(sizes[3:6], sizes[:3])

    @unittest.skipIf(os.environ.get("WEIR_SANITIZE"), "a sanitizer keeps what was freed")
    def test_slow_client_holds_little(self):
        weir = self.site("server { listen <<front>>; root <<dir>>/www; }", {"big": b"x" * (64 << 20)})
        clients = [self.client(weir, receive_buffer=4096) for _ in range(20)]
        for client in clients:
            client.send_request(path="/big")
            client.read_until(b"\r\n\r\n")
        rss = int(weir.status("VmRSS").split()[0])
        self.assertLess(rss, 120_000, "20 clients, each of whom is owed 64 MB")

    def test_file_that_shrinks_breaks_the_answer_off(self):
        weir = self.site("server { listen <<front>>; root <<dir>>/www; }", {"big": b"x" * (32 << 20)})
        client = self.client(weir, receive_buffer=4096)
        client.send_request(path="/big")
        client.read_until(b"\r\n\r\n")
        os.truncate(weir.dir / "www" / "big", 10)
        with self.assertRaises(Truncated):
            client.read(32 << 20)
        weir.wait_error(r"request /big: answer broken off \(file .*: it has become shorter")

    def test_file_that_grows_is_sent_as_declared(self):
        weir = self.site("server { listen <<front>>; root <<dir>>/www; }", {"big": b"x" * (8 << 20)})
        client = self.client(weir, receive_buffer=4096)
        client.send_request(path="/big")
        self.assertIn(b"Content-Length: 8388608\r\n", client.read_until(b"\r\n\r\n"))
        with (weir.dir / "www" / "big").open("ab") as file:
            file.write(b"y" * 1000)
        self.assertEqual(client.read(8 << 20), b"x" * (8 << 20))
        self.assertEqual(client.request(path="/big", method="HEAD").get("content-length"), str((8 << 20) + 1000))

    def test_client_that_goes_lets_go_of_the_file(self):
        weir = self.site("server { listen <<front>>; root <<dir>>/www; }", {"big": b"x" * (32 << 20)})
        self.get(weir, "/big", headers={"Range": "bytes=0-0"})
        before = weir.descriptors()
        for _ in range(5):
            client = self.client(weir, receive_buffer=4096)
            client.send_request(path="/big")
            client.read_until(b"\r\n\r\n")
            client.reset()
        self.wait_until(lambda: weir.descriptors() <= before, "the descriptors to be closed")
        self.assertEqual(len(weir.wait_log(6)), 6)

    def test_pipelined_requests_are_answered_in_order(self):
        weir = self.site("server { listen <<front>>; root <<dir>>/www; }", {str(i): str(i) * 3000 for i in range(20)})
        client = self.client(weir)
        client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % i for i in range(20)))
        for i in range(20):
            self.assertEqual(client.read_response().text, str(i) * 3000)

    def test_old_client_gets_a_whole_file(self):
        weir = self.site("server { listen <<front>>; root <<dir>>/www; }", {"a": "a" * 200_000})
        client = self.client(weir)
        client.send(b"GET /a HTTP/1.0\r\n\r\n")
        response = client.read_response()
        self.assertEqual((response.status, len(response.body), response.keep_alive), (200, 200_000, False))


class Refused(Static):
    def test_configuration_errors_are_named(self):
        weir = self.weir("""server { listen <<front>>; root a; location / { alias b; root c; } location @n { alias d; }
            location /i { if_modified_since never; expires often; try_files $uri; } source_charset utf-8; override_charset on; }""", start=False)
        done = run("-t", "-c", str(weir.config_path))
        self.assertEqual(done.returncode, 1)
        for text in ('"root" directive is duplicate', "inside the named location", "it must be off, exact or before", 'invalid value "often" in "expires"',
                     'invalid number of arguments in "try_files"', '"source_charset" is known to nginx', "weir converts no texts"):
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    main()
