"""The demo: one school moves before the reader's eyes, and the result is proven without kdx.

Everything lies in a temporary folder that is removed at the end, on Ctrl-C too; the receipt and the pages stay, in
.work/demo.
Each command is shown as one would type it. Ends with 0 only if every step came out as it must.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from local_store import LocalStore, serve_s3
from sample_board import BOARD, SCHOOL, SCHOOL_NAME
from sample_share import make_sample_share

JAPANESE = next(
    (value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), ""
).startswith("ja")
KEPT = Path(".work/demo").absolute()
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else ("", "")


OTHER_SCHOOLS = "".join(
    f"shiken{number:02}_{'es' if number < 12 else 'jh'},試験市立第{number}{'小' if number < 12 else '中'}学校,"
    f"{'elementary' if number < 12 else 'junior_high'},,\n"
    for number in range(2, 15)
)
"""Thirteen more of the same board, for the tables; nothing is known of them."""


class StepFailed(Exception):
    """A step did not come out as it must."""


def tell(english: str, japanese: str) -> None:
    """Say a sentence in the reader's language."""
    print(f"\n{japanese if JAPANESE else english}", flush=True)


class Stage:
    """The folder, the store and the environment the commands run in."""

    def __init__(self, folder: Path, store: LocalStore) -> None:
        self.folder = folder
        self.store = store
        self.variables = {
            "KDX_STATE": str(folder / "state"),
            "KDX_LANG": "ja" if JAPANESE else "en",
            **store.keys(),
        }
        self.environment = {
            **os.environ,
            **self.variables,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RCLONE_CONFIG": os.devnull,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def show_variables(self) -> None:
        """Show what must be set for the commands to work as they stand."""
        self._show(f"cd {self.folder}")
        for name, value in self.variables.items():
            self._show(f"export {name}={shlex.quote(value)}")

    def run(self, *command: str, expect: int = 0) -> None:
        """Show a command, run it, and fail unless it ends with `expect`."""
        self._show(shlex.join(command))
        with subprocess.Popen(command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL) as process:
            try:
                code = process.wait()
            except KeyboardInterrupt:
                # it may not have been told, and it must have ended before its folder is removed
                process.terminate()
                raise
        if code != expect:
            raise StepFailed(f"{shlex.join(command)}: exit {code}, not {expect}")

    def _show(self, line: str) -> None:
        print(f"{BOLD}$ {line}{PLAIN}", flush=True)


def play(stage: Stage) -> None:
    """The whole story, step by step."""
    write_down(stage)
    look(stage)
    move(stage)
    prove(stage)
    break_it(stage)
    lose_the_server(stage)
    ask_the_gates(stage)
    rehearse(stage)
    storm(stage)
    tell_everybody(stage)


def write_down(stage: Stage) -> None:
    """A share and an inventory."""
    count = make_sample_share(stage.folder / "share")
    tell(
        f"This machine now has a sample share of {count} files, with names that have broken other tools, and an S3 "
        "endpoint of its own.",
        f"見本の共有フォルダー（{count} ファイル。ほかの道具をつまずかせた名前を含む）と、この端末の中だけの S3 を用意しました。",
    )
    stage.show_variables()
    tell(
        "First the inventory: the board, one school, its share, its target. This also makes the board's signing key.",
        "まず設定フォルダーです。教育委員会・学校・共有フォルダー・移行先を書き、署名に使う鍵を作ります。",
    )
    schools = stage.folder / "schools.csv"
    schools.write_text(
        "school_id,school_name,kind,share_name,share_url\n"
        f"{SCHOOL},{SCHOOL_NAME},elementary,共有,{stage.folder / 'share'}\n" + OTHER_SCHOOLS,
        encoding="utf-8",
    )
    stage.run("cat", "schools.csv")
    target = f"cloud=s3://school/moved?endpoint={stage.store.endpoint}&region=us-east-1"
    stage.run("kdx", "init", "inventory", "--board", BOARD, "--schools", "schools.csv", "--target", target)


def look(stage: Stage) -> None:
    """What lies on the share."""
    tell(
        "What lies on the share? Every file is read once and hashed.",
        "共有フォルダーに何があるかを調べます。すべてのファイルを一度だけ読み、ハッシュ値を取ります。",
    )
    stage.run("kdx", "inventory", "scan", SCHOOL)
    stage.run("kdx", "inventory", "summary", SCHOOL)


def move(stage: Stage) -> None:
    """Plan, run, verify, receipt."""
    tell(
        "What would a move do? A plan changes nothing.",
        "移行したら何が起きるかを見ます。計画は何も変えません。",
    )
    stage.run("kdx", "migrate", "plan", SCHOOL, "--to", "cloud")
    tell(
        "Now move it. Killed at any moment, the same command goes on where it stopped.",
        "移行します。途中で止まっても、同じコマンドで続きから再開します。",
    )
    stage.run("kdx", "migrate", "run", SCHOOL, "--to", "cloud")
    tell(
        "Did every byte arrive? A new process asks the store, and says how each file was proven.",
        "すべて届いたかを確かめます。別のプロセスが保存先に尋ね、ファイルごとに証明の方法を記録します。",
    )
    stage.run("kdx", "migrate", "verify", SCHOOL, "--to", "cloud", "--level", "checksum")
    tell(
        "The paper for the principal: signed, with a list of checksums and a page to print.",
        "校長に渡す移行証明書です。署名付きで、チェックサムの一覧と印刷用のページが付きます。",
    )
    stage.run("kdx", "migrate", "receipt", SCHOOL, "--to", "cloud", "-o", "receipt")


def prove(stage: Stage) -> None:
    """Without kdx: fetch everything and let sha256sum compare."""
    tell(
        "Do not take kdx's word for it: fetch everything with another program and compare with sha256sum.",
        "kdx の言うことだけを信じないでください。別のプログラムで全部を取り出し、sha256sum で照合します。",
    )
    stage.run(
        "rclone", "copy", "--s3-provider", "Rclone", "--s3-env-auth", "--s3-endpoint", stage.store.endpoint,
        # or rclone takes two names that look alike for one, and fetches one of the two files
        "--no-unicode-normalization", f":s3:school/moved/{SCHOOL}", "downloaded",
    )
    stage.run("sh", "-c", "cd downloaded && sha256sum --check --quiet ../receipt/SHA256SUMS")
    print(len((stage.folder / "receipt" / "SHA256SUMS").read_bytes().splitlines()), "OK")


def break_it(stage: Stage) -> None:
    """The receipt holds; with one byte changed it does not."""
    tell(
        "The receipt itself: signed by a key that stands in inventory/keys.",
        "証明書そのものを確かめます。inventory/keys にある鍵で署名されています。",
    )
    stage.run("kdx", "migrate", "receipt", "--check", "receipt/receipt.json")
    tell(
        "And if somebody changes one byte of it? It must be refused, with exit code 5.",
        "1 バイトでも書き換えられたら、終了コード 5 で拒まれなければなりません。",
    )
    stage.run("cp", "-r", "receipt", "forged")
    stage.run("sed", "-i", f"0,/{SCHOOL}/s//{SCHOOL[:-1]}z/", "forged/receipt.json")
    stage.run("cmp", "receipt/receipt.json", "forged/receipt.json", expect=1)
    stage.run("kdx", "migrate", "receipt", "--check", "forged/receipt.json", expect=5)


def lose_the_server(stage: Stage) -> None:
    """A backup, a flood, and the share is back."""
    tell(
        "Now the vault: write where it lies, begin it, and back the share up.",
        "次はバックアップです。保管庫の場所を書き、準備し、共有フォルダーを保存します。",
    )
    with (stage.folder / "inventory" / "kdx.yml").open("a", encoding="utf-8") as settings:
        settings.write(f"vault: {{url: {stage.folder / 'vault'}}}\n")
    (stage.folder / "vault").mkdir()
    stage.run("tail", "-n", "1", "inventory/kdx.yml")
    stage.run("kdx", "backup", "init")
    stage.run("kdx", "backup", "run", SCHOOL)
    tell(
        "A flood takes the server. What was on it is noted first, so that the proof below needs no trust in kdx.",
        "水害でサーバーを失います。kdx を信じなくても確かめられるように、中身のハッシュ値を先に控えておきます。",
    )
    sums = "find share -type f -print0 | sort -z | xargs -0 sha256sum"
    left_out = "-not -name Thumbs.db -not -name desktop.ini -not -name '~$*' -not -name .DS_Store"
    stage.run("sh", "-c", f"{sums.replace('-print0', left_out + ' -print0', 1)} >before && rm -r share")
    stage.run("kdx", "restore", SCHOOL, "--to", "share")
    stage.run("sha256sum", "--check", "--quiet", "before")
    stage.run("kdx", "backup", "status", SCHOOL)
    tell(
        "A drill brings files back each week to prove that they come back. It goes into the ledger.",
        "復元訓練は、戻せることを毎週たしかめます。結果は台帳に残ります。",
    )
    stage.run("kdx", "drill", SCHOOL)


def ask_the_gates(stage: Stage) -> None:
    """Which school stands where, from the evidence that was left behind."""
    tell(
        "Which school stands where? Nobody types it in: the scan, the receipt and the drill above are the evidence.",
        "どの学校がどこまで進んだか。誰も入力していません。いまの調査・移行証明書・復元訓練が証拠です。",
    )
    stage.run("kdx", "rollout", "status")
    tell(
        "May the old server be switched off? Not before everything is proven. A claim does not help: exit code 4.",
        "旧サーバを止めてよいか。すべてが証明されるまで、関門は終了コード 4 で断ります。申告しても開きません。",
    )
    stage.run("kdx", "rollout", "set", "claim", SCHOOL, "read_only", "done")
    stage.run("kdx", "rollout", "why", SCHOOL, "retire", expect=4)


def rehearse(stage: Stage) -> None:
    """What the probe would send, and a cutover tried before the day."""
    tell(
        "What would kdx ask the servers themselves? Every command and packet is shown, and none is sent.",
        "サーバーそのものには何を尋ねるのか。送る前に、コマンドと通信をすべて示します（ここでは送りません）。",
    )
    stage.run("kdx", "rollout", "probe", SCHOOL, "--explain")
    tell(
        "The cutover is rehearsed before the day. One rehearsal is not enough: no, on a sheet to sign; exit 4.",
        "切替は当日の前に予行します。予行が一度だけのうちは「不可」で、署名欄のある判定書にそう書かれます（終了コード 4）。",
    )
    stage.run("kdx", "migrate", "cutover", SCHOOL, "--to", "cloud", "--rehearse", "--sheet", "receipt/go-no-go.html",
              expect=4)


def tell_everybody(stage: Stage) -> None:
    """One page for the meeting, and where things stand for whoever sits down next."""
    tell(
        "One page for the meeting, from the ledger alone. It loads nothing and prints on A4.",
        "会議に出す 1 枚の報告です。台帳だけから作り、外から何も読み込まず、A4 に印刷できます。",
    )
    stage.run("kdx", "report", "-o", "receipt/report.html", "--audience", "schools")
    tell(
        "And for whoever sits down next: where things stand, and what to type.",
        "次に席に着く人のために、いまの状況と次に入力するコマンドを示します。",
    )
    stage.run("kdx")


def storm(stage: Stage) -> None:
    """An evening of thunder and flood, made up: which backup would have started when."""
    tell(
        "And when a storm comes? A synthetic evening over Kameyama: the schools are saved before it arrives.",
        "荒天のときは？ 試験用に作った亀山の一晩です。雷や大雨が来る前に、各校を保存します。",
    )
    checkout = Path(__file__).resolve().parents[1]
    stage.run(
        "kdx", "hazard", "replay", str(checkout / "tests/kameyama_evening"), "--inventory", str(checkout / "inventory")
    )


def main() -> int:
    """Play the demo and clean up after it."""
    start = time.monotonic()
    signal.signal(signal.SIGTERM, _stop)
    try:
        with tempfile.TemporaryDirectory(prefix="kdx-demo-") as name:
            folder = Path(name)
            (folder / "share").mkdir()
            with serve_s3(folder / "store", "school") as store:
                play(Stage(folder, store))
            shutil.rmtree(KEPT, ignore_errors=True)
            shutil.copytree(folder / "receipt", KEPT)
    except (StepFailed, RuntimeError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        tell("Stopped; everything was cleaned up.", "中止しました。後片付けは済んでいます。")
        return 130
    tell(
        f"All as it must be, in {time.monotonic() - start:.0f} seconds. The page for the principal: "
        f"{KEPT / 'receipt.html'}\nNext: the story of one school in README.md, with your own share and target, or "
        "scripts/test.",
        f"すべて確かめられました（{time.monotonic() - start:.0f} 秒）。校長に渡すページ: {KEPT / 'receipt.html'}\n"
        "次は: README.ja.md の「学校ひとつの移行」を自分の共有フォルダーと移行先で。または scripts/test。",
    )
    return 0


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
