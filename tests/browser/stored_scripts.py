"""What people and programs may call themselves, in the hope that a page takes it for a script."""

NAMES = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' autofocus onfocus='alert(1)",
    "</title><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "--><!-- --\\x3e> --><iframe src=javascript:alert(1)></iframe>",
    "<base href=//evil.example><style>*{display:none}</style>",
    "<details open ontoggle=alert(1)>",
    "</textarea></script><svg/onload=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    '<a href="javascript:alert(1)">here</a>',
    "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
]
# What stands before "CFNetwork" is taken for the browser's name as it is.
AGENTS = [
    "<script>alert(1)</script>",
    "<script>alert(1)</script>/1.0 CFNetwork/1408.0.4 Darwin/22.5.0",
    "<img src=x onerror=alert(1)>/1.0 CFNetwork/1408.0.4 Darwin/22.5.0",
    "'\"><svg onload=alert(1)>/1.0 CFNetwork/1408.0.4 Darwin/22.5.0",
    "</h2></li><script>alert(1)</script>bot/2.0 (+http://evil.example)",
    "Mozilla/5.0 (Linux; Android 10; <script>alert(1)</script>) Chrome/120.0 Mobile",
]
# Elements of ours come from files and carry no handlers: what does is made of somebody's text.
INJECTED = """[...document.querySelectorAll("*")].filter((element) =>
    element.matches("style, base, iframe, object, embed, meta[http-equiv]")
    || element.matches("script:not([src^='/static/']), img:not([src^='/static/'], [src^='data:image/'])")
    || [...element.attributes].some(({ name, value }) => name.startsWith("on")
        || (["href", "src", "action", "formaction"].includes(name) && /^\\s*javascript:/i.test(value)))
).map((element) => element.outerHTML)"""
