"""What ``deploy/`` says is what the server does: commands, settings, ports, probes, secrets."""

import json
import re
import shlex
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.access.keys_file import CallerLimits, read_keys
from router.addresses import is_loopback
from router.cli.main import build_parser
from router.config import Config
from router.config_sources import load_config
from router.server.exposure import check_exposure
from router.server.health import READY_NAMES
from router.server.service import SERVICE

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
HEALTH_NAMES = {"liveness", "promise", *READY_NAMES}
LABELS = {"app.kubernetes.io/name": "llm-tier-router"}


def yaml_of(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def dockerfile() -> list[tuple[str, str]]:
    """Return the instructions of the image with their arguments, in order."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [
        (word, rest.strip())
        for word, _, rest in (line.strip().partition(" ") for line in joined.splitlines())
        if word
    ]


def given(instruction: str) -> list[str]:
    return [rest for word, rest in dockerfile() if word == instruction]


def environment() -> dict[str, str]:
    """Return the variables of the image that are settings of the router."""
    pairs = [pair.split("=", 1) for rest in given("ENV") for pair in shlex.split(rest)]
    return {name: value for name, value in pairs if name.startswith("ROUTER_")}


def port_of(address: str | None) -> int:
    assert address is not None
    return int(address.rpartition(":")[2])


def container() -> dict[str, Any]:
    (one,) = yaml_of("kubernetes/deployment.yaml")["spec"]["template"]["spec"]["containers"]
    return one


def pod() -> dict[str, Any]:
    return yaml_of("kubernetes/deployment.yaml")["spec"]["template"]["spec"]


@pytest.fixture
def in_cluster() -> Config:
    """The settings of a pod: the image's variables over the file of the config map."""
    return load_config(DEPLOY / "kubernetes" / "router.toml", environment())


def test_the_image_runs_commands_that_exist() -> None:
    (entry,), (command,) = map(json.loads, given("ENTRYPOINT")), map(json.loads, given("CMD"))
    assert entry == ["python", "-m", "router"]
    assert build_parser().parse_args(command).run.__name__ == "serve"
    (check,) = given("HEALTHCHECK")
    words = json.loads(check[check.index("[") :])
    assert words[:3] == entry
    asked = build_parser().parse_args(words[3:])
    assert asked.run.__name__ == "health"
    assert port_of(asked.address) == port_of(environment()["ROUTER_HEALTH_ADDRESS"])


def test_the_image_is_not_run_as_root_and_starts_only_secured_or_told_otherwise() -> None:
    (user,) = given("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    config = load_config(None, environment())
    with pytest.raises(Exception, match="others can reach it") as caught:
        check_exposure(config)
    assert caught.value.reason == "CONFIG_EXPOSED"
    ports = {int(port) for rest in given("EXPOSE") for port in rest.split()}
    assert ports == {port_of(config.address), port_of(config.health_address)}
    assert str(config.store.parent) in given("WORKDIR")


def test_the_image_copies_what_is_there_and_the_builder_is_given_it() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines
    for rest in given("COPY"):
        if rest.startswith("--from="):
            continue
        *sources, _ = rest.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            name = source.rstrip("/")
            assert any(fnmatch(name, one) or name.startswith(f"{one}/") for one in kept), source


def test_settings_in_the_cluster_are_known_and_the_server_is_secured(in_cluster: Config) -> None:
    assert not in_cluster.insecure
    check_exposure(in_cluster)
    assert in_cluster.api_keys is not None
    assert in_cluster.tls_certificate is not None


def test_every_file_the_settings_name_is_mounted_in_the_pod(in_cluster: Config) -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod()["volumes"]}
    assert set(mounts) == set(volumes)
    command = build_parser().parse_args(container()["args"])
    files = [
        command.config, in_cluster.tls_certificate, in_cluster.tls_key, in_cluster.api_keys,
        in_cluster.store,
    ]  # fmt: skip
    for file in files:
        assert any(file.is_relative_to(place) for place in mounts.values()), file
    assert in_cluster.tls_certificate.name == "tls.crt"  # as a secret of type tls names them
    assert in_cluster.tls_key.name == "tls.key"
    for name in ("tls", "keys"):
        # Readable for the group of the pod and nobody else: what the server accepts of a root's.
        assert volumes[name]["secret"]["defaultMode"] == 0o440
    assert pod()["securityContext"]["fsGroup"] == pod()["securityContext"]["runAsGroup"]


def test_probes_ask_the_health_port_for_names_the_server_knows(in_cluster: Config) -> None:
    probes = {key: value for key, value in container().items() if key.endswith("Probe")}
    assert set(probes) == {"startupProbe", "readinessProbe", "livenessProbe"}
    for name, probe in probes.items():
        assert probe["grpc"]["port"] == port_of(in_cluster.health_address), name
        assert probe["grpc"]["service"] in HEALTH_NAMES, name
    assert probes["livenessProbe"]["grpc"]["service"] == "liveness"
    ports = {port["name"]: port["containerPort"] for port in container()["ports"]}
    assert ports == {
        "grpc": port_of(in_cluster.address),
        "health": port_of(in_cluster.health_address),
        "metrics": port_of(in_cluster.metrics_address),
    }


def test_the_pod_is_closed_and_has_time_to_drain(in_cluster: Config) -> None:
    (user,) = given("USER")
    assert (
        f"{pod()['securityContext']['runAsUser']}:{pod()['securityContext']['runAsGroup']}" == user
    )
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod()["automountServiceAccountToken"] is False
    # Else a Service named router would give the pod variables that read like settings.
    assert pod()["enableServiceLinks"] is False
    pause = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod()["terminationGracePeriodSeconds"] > pause + in_cluster.grace_seconds
    assert "cpu" in container()["resources"]["requests"]  # what the autoscaler divides by


def test_everything_in_the_cluster_is_about_the_same_pods() -> None:
    deployment = yaml_of("kubernetes/deployment.yaml")
    name = deployment["metadata"]["name"]
    assert deployment["spec"]["selector"]["matchLabels"] == LABELS
    assert deployment["spec"]["template"]["metadata"]["labels"] == LABELS
    service = yaml_of("kubernetes/service.yaml")
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == LABELS
    assert yaml_of("kubernetes/disruption-budget.yaml")["spec"]["selector"]["matchLabels"] == LABELS
    assert yaml_of("kubernetes/autoscaler.yaml")["spec"]["scaleTargetRef"] == {
        "apiVersion": "apps/v1", "kind": "Deployment", "name": name,
    }  # fmt: skip
    policy = yaml_of("kubernetes/network-policy.yaml")["spec"]
    assert policy["podSelector"]["matchLabels"] == LABELS
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert policy["egress"] == []
    listed = yaml_of("kubernetes/kustomization.yaml")
    files = {*listed["resources"], *listed["configMapGenerator"][0]["files"], "kustomization.yaml"}
    # Samples for others' deployments stand in a directory of their own.
    there = {path.name for path in (DEPLOY / "kubernetes").iterdir() if path.is_file()}
    assert there == files
    maps = {v["configMap"]["name"] for v in pod()["volumes"] if "configMap" in v}
    assert maps == {listed["configMapGenerator"][0]["name"]}


def test_compose_gives_the_router_known_settings_and_opens_it_to_this_machine_only() -> None:
    services = yaml_of("compose.yaml")["services"]
    router, envoy = services["router"], services["envoy"]
    assert all(isinstance(value, str) for value in router["environment"].values())
    config = load_config(None, environment() | router["environment"])
    assert config.insecure
    assert "ports" not in router
    for published in envoy["ports"]:
        assert is_loopback(published.rpartition(":")[0])
    assert (DEPLOY / router["build"]["context"] / router["build"]["dockerfile"]).is_file()
    mounted = envoy["volumes"][0].split(":")
    assert (DEPLOY / mounted[0]).is_file()
    assert mounted[1] == envoy["command"][2]
    assert envoy["depends_on"]["router"]["condition"] == "service_healthy"
    stop_seconds = float(router["stop_grace_period"].rstrip("s"))
    assert stop_seconds > config.grace_seconds


@pytest.mark.parametrize(("file", "host"), [("plain", "router"), ("tls", "router.default.svc")])
def test_envoy_goes_to_every_router_by_health_and_over_http2(file: str, host: str) -> None:
    content = yaml_of(f"envoy/{file}.yaml")["static_resources"]
    (cluster,), (listener,) = content["clusters"], content["listeners"]
    (endpoint,) = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    address = endpoint["endpoint"]["address"]["socket_address"]
    assert address["address"].startswith(host)
    assert address["port_value"] == port_of(environment()["ROUTER_ADDRESS"])
    assert cluster["type"] == "STRICT_DNS"
    (protocol,) = cluster["typed_extension_protocol_options"].values()
    assert "http2_protocol_options" in protocol["explicit_http_config"]
    (check,) = cluster["health_checks"]
    assert check["grpc_health_check"]["service_name"] in HEALTH_NAMES
    (chain,) = listener["filter_chains"]
    manager = chain["filters"][0]["typed_config"]
    routes = manager["route_config"]["virtual_hosts"][0]["routes"]
    assert [route["match"]["prefix"] for route in routes] == [
        f"/{SERVICE}/", "/grpc.health.v1.Health/",
    ]  # fmt: skip
    assert {route["route"]["cluster"] for route in routes} == {cluster["name"]}
    assert ("transport_socket" in chain) == ("transport_socket" in cluster) == (file == "tls")


def test_the_documented_file_of_keys_is_one_the_server_reads(tmp_path: Path) -> None:
    """The table shown in the page on deployment is what the server would take."""
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(format = 1.*?)```", text, re.DOTALL)
    file = tmp_path / "keys.toml"
    file.write_text(block, encoding="utf-8")
    file.chmod(0o600)
    assert [entry.name for entry in read_keys(file, CallerLimits())]
