"""What a new inventory teaches whoever opens it: comments and README files, in the board's language. Text only.

They are documents of the board, not messages of a run, so they do not pass through gettext.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comments:
    """The texts of one language. Every line of a comment begins with #."""

    name: str
    """What stands for the board's name until somebody writes it."""
    hosts: str
    school: str
    """An example school, commented out, for an inventory that has none."""
    board: str
    municipality: str
    weather: str
    targets: str
    others: str
    keys: str
    rules: str


JAPANESE = Comments(
    name="教育委員会",
    hosts="""\
# 学校・ファイルサーバー・共有の一覧です。Ansible のインベントリとしてもそのまま使えます。
#
# 書き方の約束
#   - 字下げは空白だけで書きます (タブは使えません)。文字コードは UTF-8 (BOM なし) です。
#   - コードや番号は "…" で囲みます。囲まない 01 は数の 1 に、NO は「いいえ」に変わってしまいます。
#   - わからないことは空のままにします。空の flood_depth_rank・server_floor・ups は「危険あり」と数えます。
#   - パスワードはここに書きません。secret: file:パス、env:変数名、keyring:名前 のどれかで場所だけを書きます。
#   - 直したら kdx inventory check で確かめます。誤りは一度に全部、行番号つきで表示されます。
#
# 学校 (schools の下の英数字の名前) に書けること
#   school_name       正式な校名 (必須)。コマンドでは「加太小」のように一部だけでも指定できます。
#   school_kana       校名の読み
#   school_code       文部科学省の学校コード (13文字)
#   kind              elementary 小学校 / junior_high 中学校 / compulsory 義務教育学校 / special_needs 特別支援学校
#   flood_depth_rank  ハザードマップの想定浸水深 (0 なし 〜 6 最も深い)
#   server_floor      サーバーのある階
#   ups               無停電電源装置の有無 (true / false)
#
# サーバー (hosts の下の名前) に書けること
#   shares            共有の一覧。name は共有名、url は場所です。
#                     /mnt/共有  sftp://利用者@サーバー/パス  smb://利用者@サーバー/共有/パス
#                     サーバーや場所が変わっても、name か id が同じなら同じ共有として扱います。
#   ansible_host など Ansible の変数はそのまま書けます。
""",
    school="""\
        # 例:
        # shiken_es:
        #   vars:
        #     school_name: "試験市立試験小学校"
        #     kind: elementary
        #     flood_depth_rank:
        #     server_floor:
        #     ups:
        #   hosts:
        #     fs-shiken:
        #       shares:
        #         - {name: "共有", url: "/srv/share"}
""",
    board="""\
# 教育委員会の設定です。知らない項目や書き誤りは kdx inventory check がすべて行番号つきで示します。
""",
    municipality="""\
# 全国地方公共団体コード (検査数字を含む6けた。"…" で囲みます)
""",
    weather="""\
# 気象庁の区域コード。office は気象台 (6けた)、class20 は市町村 (7けた)
""",
    targets="""\
# 移行先。名前を --to に書きます。移行先が一つだけなら --to は省けます。
#   targets:
#     cloud: "s3://バケット/接頭辞?endpoint=https://s3.example.jp&region=ap-northeast-1"
#     archive: {url: "s3://バケット", access_key: "env:ARCHIVE_ACCESS_KEY", secret_key: "file:/etc/kdx/archive.key"}
#     drive: {url: /mnt/sharepoint, profile: sharepoint}   # profile は移行先に置ける名前の規則 (rules/targets.yml)
""",
    others="""\
# 必要なときだけ、先頭の # を消して使います。
# vault: {url: /srv/vault}              # バックアップ保管庫
# backup: {rpo_hours: 30}               # 最後の正常なバックアップがこの時間より古ければ違反とする
# ignore: ["*.tmp"]                     # すべての共有で対象にしない名前 (Thumbs.db などの既定に加えます)
# ca_bundle: /etc/kdx/ca.pem            # 独自の認証局の証明書 (PEM)
# proxy: http://proxy.example.jp:8080   # 外へ出るときのプロキシ
# roles: {user_a: {may: [approve, waive, examine]}}   # 承認などに署名できる人 (名前は keys/ の公開鍵と同じ)
# time_zone: Asia/Tokyo
# schedule: {window: "22:00-05:00", done_by: "07:00", class_hours: "08:00-17:00", class_rate: 10Mbit}
# hazard: {look_ahead_hours: 6, unknown_minutes: 30, rearm_hours: 2, line_percent: 50}   # 気象への備え
# report: {publish: "smb://kdx@office/share/kdx", at: "06:30", audience: board, secret: "file:/etc/kdx/office.password"}
#   # 毎朝、報告 (HTML と Excel) を事務局の共有フォルダーに置く。置き換えるのは kdx が書いたものだけ
""",
    keys="""\
# 公開鍵

移行証明書などの署名を確かめるための**公開鍵**を置く場所です。秘密鍵はここには置きません (状態フォルダーにあります)。

- 鍵の追加・取消しは、プログラムの変更と同じように別の人が確認します。
- ここにない鍵の署名を kdx は信用しません (確かめるときに `--key` で示した鍵を除きます)。
""",
    rules="""\
# 日付つきの規則表

移行先の名前の規則 (targets.yml)、個人情報と考えられる名前 (personal.yml) などの表を置く場所です。
一行ごとに出典と日付を書きます。ここに置いた表は kdx に付属する表の代わりになり、なければ付属の表を使います。
""",
)

ENGLISH = Comments(
    name="Board of education",
    hosts="""\
# Schools, file servers and shares. This is also an ordinary Ansible inventory.
#
# How to write it
#   - Indent with spaces (no tabs). Save as UTF-8 without byte order mark.
#   - Put codes and numbers into "…": 01 without them becomes the number 1, and NO becomes false.
#   - Leave empty what is not known. An empty flood_depth_rank, server_floor or ups counts as at risk.
#   - Passwords never stand here. Write where they are: secret: file:PATH, env:NAME or keyring:NAME.
#   - After a change run kdx inventory check: it tells every mistake at once, with its line.
#
# What a school (a name in ASCII below schools) may have
#   school_name       its full name (required); on the command line an unambiguous part of it is enough
#   school_kana       the reading of the name
#   school_code       学校コード of 文部科学省 (13 characters)
#   kind              elementary, junior_high, compulsory, high, special_needs
#   flood_depth_rank  flood depth of the hazard map, 0 (none) to 6 (deepest)
#   server_floor      the floor the server stands on
#   ups               whether it has an uninterruptible power supply (true or false)
#
# What a server (a name below hosts) may have
#   shares            its shares: name as people call it, url where it is.
#                     /mnt/share  sftp://user@server/path  smb://user@server/share/path
#                     While name or id stay, it is the same share, even on another server.
#   ansible_host and other variables of Ansible are welcome.
""",
    school="""\
        # Example:
        # shiken_es:
        #   vars:
        #     school_name: "試験市立試験小学校"
        #     kind: elementary
        #     flood_depth_rank:
        #     server_floor:
        #     ups:
        #   hosts:
        #     fs-shiken:
        #       shares:
        #         - {name: "共有", url: "/srv/share"}
""",
    board="""\
# The settings of the board. kdx inventory check shows every unknown key and every mistake with its line.
""",
    municipality="""\
# 全国地方公共団体コード: six digits, the check digit among them, in quotation marks
""",
    weather="""\
# Area codes of 気象庁: office is the observatory (6 digits), class20 the city (7 digits)
""",
    targets="""\
# Where migrations go. Write the name after --to; with one target only, --to may be left out.
#   targets:
#     cloud: "s3://bucket/prefix?endpoint=https://s3.example.jp&region=ap-northeast-1"
#     archive: {url: "s3://bucket", access_key: "env:ARCHIVE_ACCESS_KEY", secret_key: "file:/etc/kdx/archive.key"}
#     drive: {url: /mnt/sharepoint, profile: sharepoint}   # profile: what it can hold (rules/targets.yml)
""",
    others="""\
# Remove the # at the beginning of what you need.
# vault: {url: /srv/vault}              # where backups live
# backup: {rpo_hours: 30}               # so old may the last good backup be
# ignore: ["*.tmp"]                     # names left out in every share, added to the defaults (Thumbs.db, ...)
# ca_bundle: /etc/kdx/ca.pem            # certificates of a private authority (PEM)
# proxy: http://proxy.example.jp:8080   # the way out
# roles: {user_a: {may: [approve, waive, examine]}}   # who may sign approvals (named as their key in keys/)
# time_zone: Asia/Tokyo
# schedule: {window: "22:00-05:00", done_by: "07:00", class_hours: "08:00-17:00", class_rate: 10Mbit}
# hazard: {look_ahead_hours: 6, unknown_minutes: 30, rearm_hours: 2, line_percent: 50}   # what the weather changes
# report: {publish: "smb://kdx@office/share/kdx", at: "06:30", audience: board, secret: "file:/etc/kdx/office.password"}
#   # each morning the report (HTML and Excel) on the office's share; only what kdx wrote there is replaced
""",
    keys="""\
# Public keys

The **public** keys that signatures of receipts are checked with. Private keys never lie here (they are in the state
folder).

- A key is added or withdrawn like a change to a program: somebody else reviews it.
- kdx trusts no signature by a key that is not here (except one named with `--key` when checking).
""",
    rules="""\
# Dated tables of rules

The place for tables: what targets can hold (targets.yml), names that speak of personal data (personal.yml).
Every row names its source and its date. A table here takes the place of the one that ships with kdx.
""",
)


def comments_in(language: str) -> Comments:
    """Return the texts in `language`; English where it is not Japanese."""
    return JAPANESE if language == "ja" else ENGLISH
