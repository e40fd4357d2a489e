# 学校の Windows サーバー・端末を見て、結果を JSON で出します。読むだけで、何も変えません。
#
#   powershell -NoProfile -ExecutionPolicy Bypass -File look.ps1 > サーバー名.json
#   (教育委員会の機械で)  kdx rollout import サーバー名.json
#
# 管理者として実行すると、見られる項目が増えます。見られなかった項目は null とし、kdx はそれを「不明」と数えます。
# このファイルを一文字でも変えると SHA-256 が変わり、kdx は結果を受け取りません (SHA256SUMS と rules/windows_scripts.yml)。

$ErrorActionPreference = 'Stop'

function Get-OrNull([scriptblock] $Look) {
    try { & $Look } catch { $null }
}

$system = Get-OrNull { Get-CimInstance -ClassName Win32_OperatingSystem }
$smb = Get-OrNull { Get-SmbServerConfiguration }
$parameters = Get-OrNull { Get-ItemProperty -Path 'HKLM:\SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters' }
$volumes = Get-OrNull {
    @(Get-CimInstance -ClassName Win32_LogicalDisk -Filter 'DriveType=3' | ForEach-Object {
        [ordered]@{ name = $_.DeviceID; size = [int64] $_.Size; free = [int64] $_.FreeSpace }
    })
}
$disks = Get-OrNull {
    @(Get-PhysicalDisk | ForEach-Object {
        [ordered]@{ name = $_.FriendlyName; bus = [string] $_.BusType; health = [string] $_.HealthStatus }
    })
}
$updates = Get-OrNull {
    $session = New-Object -ComObject Microsoft.Update.Session
    $search = $session.CreateUpdateSearcher()
    $search.Online = $false
    $found = $search.Search("IsInstalled=0 and IsHidden=0 and Type='Software'").Updates
    $security = @($found | Where-Object { @($_.Categories | ForEach-Object { $_.CategoryID }) -contains '0fa1201d-4330-4fa8-8ae9-b877473b6441' })
    $last = (New-Object -ComObject Microsoft.Update.AutoUpdate).Results.LastSearchSuccessDate
    [ordered]@{ security = $security.Count; searched = ([datetime] $last).ToString('yyyy-MM-ddTHH:mm:ssZ') }
}
$route = Get-OrNull {
    $best = Get-NetRoute -DestinationPrefix '0.0.0.0/0' | Sort-Object { $_.RouteMetric + $_.InterfaceMetric } | Select-Object -First 1
    $adapter = Get-NetAdapter -InterfaceIndex $best.InterfaceIndex
    [ordered]@{ name = $adapter.Name; medium = [string] $adapter.PhysicalMediaType }
}

[ordered]@{
    schema         = 'kdx.windows'
    schema_version = 1
    script_sha256  = (Get-OrNull { (Get-FileHash -Path $PSCommandPath -Algorithm SHA256).Hash.ToLower() })
    collected      = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')
    computer       = $env:COMPUTERNAME
    os             = $(if ($system) { [ordered]@{ caption = $system.Caption; version = $system.Version } })
    smb            = $(if ($smb) {
        [ordered]@{
            smb1                = $smb.EnableSMB1Protocol
            smb1_registry       = $(if ($parameters) { $parameters.SMB1 })
            smb2                = $smb.EnableSMB2Protocol
            signing_required    = $smb.RequireSecuritySignature
            encrypts            = $smb.EncryptData
            refuses_unencrypted = $smb.RejectUnencryptedAccess
        }
    })
    volumes        = $volumes
    disks          = $disks
    updates        = $updates
    default_route  = $route
} | ConvertTo-Json -Depth 5
