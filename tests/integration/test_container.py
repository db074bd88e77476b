#!/usr/bin/env python3
"""The container and the manifest for Kubernetes: their configurations load and serve, and what they promise about rights is in them."""
import pathlib
import re
import unittest

from weirtest import Case, answer, main
from weirtest.weir import run

try:
    import yaml
except ImportError:
    yaml = None

PACKAGING = pathlib.Path(__file__).resolve().parents[2] / "packaging"
CONTAINER = PACKAGING / "container"


class ImageCase(Case):
    def weir_of_the_image(self, mounted: str):
        """weir with the image's configuration, its places and ports moved, and what a user mounts."""
        weir = self.weir(start=False)
        text = (CONTAINER / "weir.conf").read_text()
        for place in ("/run/weir", "/var/lib/weir", "/etc/weir"):
            text = text.replace(place, str(weir.dir))
        (weir.dir / "conf.d").mkdir()
        (weir.dir / "conf.d" / "app.conf").write_text(weir.expand(mounted.replace("listen 80;", "listen <<front>>;")))
        weir.write_config(config=text.replace("access_log /dev/stdout;", "access_log <<dir>>/access.log;").replace("listen 8600;", "listen <<front2>>;"))
        return weir


class Container(ImageCase):
    def test_image_answers_probes_and_serves_mounted_servers(self):
        backend = self.backend(lambda r: answer("node"))
        weir = self.weir_of_the_image(f"server {{ listen 80; location / {{ proxy_pass http://{backend.address}; }} }}").start()
        self.assertEqual(self.get(weir.front2, "/healthz").text, "ok\n")
        self.assertEqual(self.get(weir).text, "node")

    def test_nocobase_file_of_compose_loads(self):
        weir = self.weir_of_the_image((CONTAINER / "nocobase.conf").read_text().replace("app-1", "localhost").replace("app-2", "localhost").replace("app-3", "localhost"))
        done = run("-t", "-q", "-c", str(weir.config_path))
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_ports_and_stop_signal_are_known_to_all_files(self):
        file = (CONTAINER / "Containerfile").read_text()
        for line in ("USER 990:990", "STOPSIGNAL SIGQUIT", "EXPOSE 80 443"):
            self.assertIn(f"\n{line}\n", file)
        self.assertIn("listen 8600;", (CONTAINER / "weir.conf").read_text())
        self.assertIn("containerPort: 8600", (PACKAGING / "kubernetes" / "weir.yaml").read_text())


def shutdown_seconds() -> int:
    return int(re.search(r"worker_shutdown_timeout (\d+)s;", (CONTAINER / "weir.conf").read_text()).group(1))


@unittest.skipUnless(yaml, "python3-yaml is missing")
class Manifests(ImageCase):
    def test_compose_gives_weir_no_rights(self):
        compose = yaml.safe_load((CONTAINER / "compose.yaml").read_text())
        weir = compose["services"]["weir"]
        self.assertEqual((weir["read_only"], weir["cap_drop"], weir["security_opt"]), (True, ["ALL"], ["no-new-privileges:true"]))
        self.assertEqual(weir["tmpfs"], ["/run/weir:uid=990,gid=990,mode=0755"])
        self.assertGreater(int(weir["stop_grace_period"].removesuffix("s")), shutdown_seconds())
        nodes = re.findall(r"server ([\w-]+):13000 resolve;", (CONTAINER / "nocobase.conf").read_text())
        self.assertEqual(len(nodes), 3)
        for node in nodes:
            self.assertEqual(compose["services"][node]["environment"]["APP_PORT"], "13000")
        for service in compose["services"].values():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                self.assertTrue((CONTAINER / source).exists() if source.startswith(".") else source in compose["volumes"], volume)

    def test_kubernetes_gives_weir_no_rights(self):
        kinds = {each["kind"]: each for each in yaml.safe_load_all((PACKAGING / "kubernetes" / "weir.yaml").read_text())}
        self.assertEqual(sorted(kinds), ["ConfigMap", "Deployment", "PodDisruptionBudget", "Service"])
        pod = kinds["Deployment"]["spec"]["template"]["spec"]
        container, = pod["containers"]
        self.assertTrue(pod["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"])
        self.assertEqual(container["securityContext"]["capabilities"], {"drop": ["ALL"]})
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        for probe in ("startupProbe", "readinessProbe"):
            self.assertEqual(container[probe]["httpGet"], {"path": "/healthz", "port": "health"})
        self.assertEqual(ports["health"], 8600)
        pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
        self.assertGreater(pod["terminationGracePeriodSeconds"], pause + shutdown_seconds())
        mounted = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
        self.assertEqual(sorted(mounted.values()), sorted(each["name"] for each in pod["volumes"]))
        self.assertEqual(set(mounted), {"/etc/weir/conf.d", "/run/weir", "/var/lib/weir"})
        self.assertEqual(kinds["Service"]["spec"]["selector"], kinds["Deployment"]["spec"]["template"]["metadata"]["labels"])

    def test_configuration_of_kubernetes_loads(self):
        config = next(yaml.safe_load_all((PACKAGING / "kubernetes" / "weir.yaml").read_text()))["data"]["nocobase.conf"]
        weir = self.weir_of_the_image(config.replace("nocobase:13000 resolve", "localhost:13000 resolve"))
        done = run("-t", "-q", "-c", str(weir.config_path))
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    main()
