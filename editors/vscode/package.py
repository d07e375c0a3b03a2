#!/usr/bin/env python3
"""Packs the extension into `nephele-blueprints.vsix` or the file that is named, offline: `code --install-extension` takes it."""
import json
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
TYPES = """<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension=".json" ContentType="application/json"/><Default Extension=".js" ContentType="application/javascript"/>
<Default Extension=".vsixmanifest" ContentType="text/xml"/><Default Extension=".md" ContentType="text/markdown"/>
<Default Extension=".txt" ContentType="text/plain"/></Types>
"""
MANIFEST = """<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
<Metadata><Identity Language="en-US" Id="{name}" Version="{version}" Publisher="{publisher}"/>
<DisplayName>{displayName}</DisplayName><Description xml:space="preserve">{description}</Description>
<Properties><Property Id="Microsoft.VisualStudio.Code.Engine" Value="{engine}"/></Properties></Metadata>
<Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation><Dependencies/>
<Assets><Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/>
<Asset Type="Microsoft.VisualStudio.Services.Content.Details" Path="extension/README.md" Addressable="true"/>
<Asset Type="Microsoft.VisualStudio.Services.Content.License" Path="extension/LICENSE.txt" Addressable="true"/></Assets>
</PackageManifest>
"""

about = json.loads((HERE / "package.json").read_text())
target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "nephele-blueprints.vsix"
with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("[Content_Types].xml", TYPES)
    archive.writestr("extension.vsixmanifest", MANIFEST.format(engine=about["engines"]["vscode"], **about))
    for name in ("package.json", "extension.js", "README.md"):
        archive.write(HERE / name, f"extension/{name}")
    archive.write(HERE / "../../LICENSE", "extension/LICENSE.txt")
print(target)
