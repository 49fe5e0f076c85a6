"""Documents to print: nobody's."""

from __future__ import annotations

from domain.documents import Document, Pair, Qr, Rule, Text

RARE = "㛃䶮㺹𬭊𬍛𬬭𫖯𫍯𬸪𫠆䲠㑇"
QR = "VD1:0190a8b0-7c1e-7abc-8def-0123456789ab"
SLIP = Document(
    "slip",
    (
        Text("槐荫路社区卫生服务中心", 2, True, "center"),
        Text("预防接种凭证 Vaccination slip", align="center"),
        Rule(),
        Pair("受种者", "欧阳㛃䶮"),
        Pair("监护人", "𬭊𬍛（母亲）"),
        Pair("疫苗", "重组乙型肝炎疫苗（酿酒酵母），10 μg/0.5 ml；批号 202605A012，有效期至 2028-05-31"),
        Text(RARE),
        Rule(),
        Text("请留观至 10:42", 3, True, "center"),
        Text("观察三十分钟后无不适方可离开。If the child feels unwell, tell the nurse at once."),
        Qr(QR, "扫码查询"),
        Text("打印 2026-11-22 10:12", align="right"),
    ),
)
