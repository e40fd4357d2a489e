"""A school whose vault lies in a bucket of Ceph's gateway, and the witness that is not kdx."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sample_board import SCHOOL

from tests.rigs.rgw import Gateway

if TYPE_CHECKING:
    from tests.system.conftest import Site


def client(endpoint: str, keys: dict[str, str]) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3", endpoint_url=endpoint, region_name="default", aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )


def vault_line(gateway: Gateway, bucket: str, lock: bool = True) -> str:
    required = "&lock=required" if lock else ""
    return f'\nvault: {{url: "s3://{bucket}/v?endpoint={gateway.endpoint}&region=default{required}"}}\n'


def put_into_bucket(site: "Site", gateway: Gateway, bucket: str, *words: str) -> "Site":
    """Let kdx prepare a bucket for the vault of a school with a few files, small and large, and back it up."""
    with (site.board / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(vault_line(gateway, bucket))
    for number in range(5):
        (site.share / f"名簿 {number}.xlsx").write_bytes(b"%d" % number * 100_000)
    (site.share / "film.mp4").write_bytes(b"film" * (3 << 20))
    done = site.kdx("backup", "init", "--lock", "governance", "--irrevocable", *words)
    assert done.returncode == 0, done.stderr
    done = site.kdx("backup", "run", SCHOOL)
    assert done.returncode == 0, done.stderr
    return site


def give_policies(site: "Site", gateway: Gateway, bucket: str) -> dict[str, "Site"]:
    """Give the bucket the policy kdx wrote, and return the site as each user sees it, by user name."""
    policies = site.board.parent / "policies"
    done = site.kdx("backup", "init", "--policies", policies)
    assert done.returncode == 0, done.stderr
    text = (policies / "bucket.json").read_text("ascii")
    client(gateway.endpoint, gateway.keys()).put_bucket_policy(Bucket=bucket, Policy=text)
    principals = [user for each in json.loads(text)["Statement"] for user in each["Principal"]["AWS"]]
    names = sorted({principal.rpartition("/")[2] for principal in principals})
    return {name: replace(site, environment=gateway.user(name)) for name in names}
