"""What weir and nginx do that the other proxies do not, or not alike: large configurations, and answers that they make, code or keep
themselves. Each group of scenarios has processes of its own: a large configuration is no burden on the other scenarios."""
import pathlib
import random

from proxies import LOCATION, MANY, Proxy, free_port, nginx_conf, weir_conf

TABLES = ("names1", "names10k", "locations1", "locations10k", "rewrites10k", "maps10k")
CONTENTS = ("file1k", "file100k", "gzip100k", "cachehit")
ALONE = TABLES + CONTENTS
FILES = {"1k.bin": 1024, "100k.bin": 100 * 1024}


def table_servers(_home: pathlib.Path, ports: dict) -> str:
    """One server and one location, and many: names in servers of 100 each, locations in one server. The load cycles through them,
    so that half of the rewrites are looked at before the one that fits."""
    names = "\n".join(f"  server {{ listen 127.0.0.1:{ports['names10k']}; server_name {' '.join(f'h{n}.example' for n in range(at, at + 100))}; {LOCATION} }}"
                      for at in range(0, MANY, 100))
    locations = "\n".join(f"    location /p{n}/ {{ proxy_pass http://backend; }}" for n in range(MANY))
    rewrites = "\n".join(f"    rewrite ^/p{n}/(.*)$ /to{n}/$1 break;" for n in range(MANY))
    values = "\n".join(f"    h{n}.example tenant{n};" for n in range(MANY))
    return (f"  map $host $tenant {{\n    default none;\n{values}\n  }}\n"
            f"  server {{ listen 127.0.0.1:{ports['names1']}; server_name h0.example; {LOCATION} }}\n{names}\n"
            f"  server {{ listen 127.0.0.1:{ports['locations1']}; {LOCATION} }}\n"
            f"  server {{ listen 127.0.0.1:{ports['locations10k']};\n{locations}\n  }}\n"
            f"  server {{ listen 127.0.0.1:{ports['rewrites10k']};\n{rewrites}\n    {LOCATION}\n  }}\n"
            f"  server {{ listen 127.0.0.1:{ports['maps10k']}; add_header X-Tenant $tenant; {LOCATION} }}")


def content_servers(home: pathlib.Path, ports: dict) -> str:
    """The settings are those of Debian's nginx.conf where it has any. Neither keeps files open: open_file_cache is off."""
    folder = home / "files"
    folder.mkdir(parents=True)
    for name, size in FILES.items():
        (folder / name).write_bytes(random.Random(size).randbytes(size))
    return (f"  sendfile on; tcp_nopush on; default_type application/octet-stream;\n"
            f"  proxy_cache_path {home}/cache levels=1:2 keys_zone=hot:10m max_size=1g inactive=1h use_temp_path=off;\n"
            f"  server {{ listen 127.0.0.1:{ports['file1k']}; root {folder}; }}\n"
            f"  server {{ listen 127.0.0.1:{ports['file100k']}; root {folder}; }}\n"
            f"  server {{ listen 127.0.0.1:{ports['gzip100k']}; gzip on; gzip_types application/json; gzip_comp_level 1; {LOCATION} }}\n"
            f"  server {{ listen 127.0.0.1:{ports['cachehit']}; proxy_cache hot; proxy_cache_valid 200 1h; {LOCATION} }}")


GROUPS = {"tables": (TABLES, table_servers), "contents": (CONTENTS, content_servers)}


def proxy(group: str, name: str, out: pathlib.Path, backend: str, workers: int, _identity, binary: str) -> Proxy:
    """weir (or an older one, "old") or nginx once more, for this group alone."""
    scenarios, servers = GROUPS[group]
    ports, home = {scenario: free_port() for scenario in scenarios}, out / f"{name}-{group}"
    conf = nginx_conf if name == "nginx" else weir_conf
    command = conf(binary, home, backend, workers, servers(out / f"{name}-{group}-data", ports))
    return Proxy(name, command, ports[scenarios[0]], ports, alone=True)
