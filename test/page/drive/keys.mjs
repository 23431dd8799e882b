// Every key does what the help says. The capture is that of keys_test.go.

export default ({ page, problems, sleep, open }) => ({
  async keys() {
    const steps = {};
    await open();
    await sleep(400);
    const number = async (n) =>
      page
        .waitForFunction((n) => document.querySelector(".detail-bar strong")?.textContent === `#${n}`, n, { timeout: 5000 })
        .then(() => true)
        .catch(() => false);
    const shows = (selector, text) =>
      page
        .locator(selector, text ? { hasText: text } : {})
        .first()
        .waitFor({ timeout: 4000 })
        .then(() => true)
        .catch(() => false);
    const gone = (selector) =>
      page
        .locator(selector)
        .waitFor({ state: "detached", timeout: 4000 })
        .then(() => true)
        .catch(() => false);
    const press = (...keys) => keys.reduce((p, k) => p.then(() => page.keyboard.press(k)), Promise.resolve());
    const step = async (name, ok) => {
      steps[name] = Boolean(await ok);
    };

    await press("g");
    await step("g", number(1));
    await press("j", "j");
    await step("j", number(3));
    await press("k");
    await step("k", number(2));

    // Bytes: what the payload of packet 500 says, then around it.
    await press("Control+f");
    await step(
      "Ctrl+F",
      page.evaluate(() => document.activeElement.id === "search"),
    );
    await page.keyboard.type("PACKET 50");
    await press("Enter");
    await step("search text, any case", number(50));
    await step(
      "the hit is shown among the bytes",
      page.evaluate(() => [...document.querySelectorAll(".hexrow .ascii b.on")].map((b) => b.textContent).join("") === "packet 50"),
    );
    await press("Escape");
    await step("Esc closes the search", gone(".searchbar"));
    await press("n");
    await step("n", number(500));
    await press("n");
    await step("the second hit after it", number(501));
    await press("N");
    await step("N", number(500));
    await press("Control+f");
    await page.locator("#search").fill("70 61 63 6b 65 74 20 37 37 37");
    await page.locator(".searchbar select").first().selectOption("hex");
    await page.locator("#search").focus();
    await press("Enter");
    await step("search hex", number(777));
    await page.locator(".searchbar select").first().selectOption("address");
    await page.locator("#search").fill("10.0.3.7");
    await press("Enter");
    await step(
      "search address",
      page
        .waitForFunction(() => document.querySelector(".grid-row.selected .c-source")?.textContent.includes("10.0.3.7"), null, {
          timeout: 4000,
        })
        .then(
          () => true,
          () => false,
        ),
    );
    await press("Escape");

    // The flow of packet 1 comes again every 128 packets.
    await press("Control+g");
    await page.keyboard.type("129");
    await press("Enter");
    await step("Ctrl+G", number(129));
    await press("]");
    await step("]", number(257));
    await press("[");
    await step("[", number(129));

    await press("m");
    await step("m", shows(".grid-row.selected .c-note", "★"));
    await press("c");
    await step("c", shows("#comment-title"));
    await page.keyboard.type("look <b>here</b>");
    await press("Enter");
    await step("the comment is shown", shows(".comments", "look <b>here</b>"));
    await step("and in the list", shows(".grid-row.selected .c-note", "★✎"));
    await page.reload();
    await page.waitForFunction(() => [...document.querySelectorAll(".grid-row .c-number")].some((c) => c.textContent));
    await press("Control+g");
    await page.keyboard.type("129");
    await press("Enter");
    await step("and kept", shows(".comments", "look <b>here</b>"));

    await press("e");
    await step("e", shows("#export-title"));
    const links = await page.evaluate(async () => {
      const out = {};
      document.querySelector("input[name=which][value=marked]").click();
      await new Promise((r) => setTimeout(r, 100));
      for (const a of document.querySelectorAll(".dialog a.button")) {
        const r = await fetch(a.href);
        const b = await r.arrayBuffer();
        out[new URL(a.href).searchParams.get("format")] = r.ok ? b.byteLength : -r.status;
      }
      return out;
    });
    await step("exports of what is marked", Object.keys(links).length === 5 && Object.values(links).every((n) => n > 24));
    await press("Escape");

    // Under a filter the nearest packet that passes.
    await press("/");
    await page.keyboard.type("udp");
    await press("Enter", "Escape", "Escape");
    await step("filter", shows(".foot .shown"));
    await press("Control+g");
    await page.keyboard.type("1001");
    await press("Enter");
    await step("Ctrl+G under a filter", number(1004));
    await step("says so", shows(".notice", "1004"));
    await press("]");
    await step("] under a filter", number(1132));
    await press("C");
    await step(
      "C",
      page
        .waitForFunction(() => document.querySelector("#filter").value.includes("ip.addr =="), null, { timeout: 3000 })
        .then(
          () => true,
          () => false,
        ),
    );
    await press("/");
    await page.locator("#filter").fill("");
    await press("Enter", "Escape");
    await sleep(300);

    await press("g");
    await number(1);
    await press("f");
    await step("f", shows(".talk .piece"));
    await press("Control+f");
    await page.keyboard.type("packet 1");
    await press("Escape", "n");
    const hit = () => page.locator(".streams .hits").textContent();
    await step(
      "n in the stream",
      hit().then((t) => t.startsWith("1/")),
    );
    await press("n");
    await step(
      "n again in the stream",
      hit().then((t) => t.startsWith("2/")),
    );
    await press("N");
    await step(
      "N in the stream",
      hit().then((t) => t.startsWith("1/")),
    );
    await press("1");
    await press("?");
    const help = await page.locator(".keys kbd").allTextContents();
    const wanted = ["Ctrl+F", "n  N", "[  ]", "m", "c", "e", "f", "g", "G", "Ctrl+G", "F6", "Esc", "/", "Space"];
    await step(
      "help",
      wanted.every((k) => help.includes(k)),
    );
    await press("Escape");
    return { steps, links, problems };
  },

  // What is typed while the server's answer is still on its way must not be lost to it.
  async slow() {
    const late = 400;
    await page.routeWebSocket(/./, (ws) => {
      const server = ws.connectToServer();
      server.onMessage((m) => setTimeout(() => ws.send(m), late));
    });
    await open();
    const steps = {};
    const number = async (n) => {
      const shown = page.locator(".detail-bar strong", { hasText: new RegExp(`^#${n}$`) });
      const came = await shown.waitFor({ timeout: 30 * late }).then(
        () => true,
        () => false,
      );
      await sleep(2 * late); // nothing that comes later takes it away
      return came && (await shown.isVisible());
    };
    const filter = async (text) => {
      await page.keyboard.press("/");
      await page.locator("#filter").fill(text);
      await page.keyboard.press("Enter");
      await page.keyboard.press("Escape");
    };
    const jump = async (n) => {
      await page.keyboard.press("Control+g");
      await page.keyboard.type(String(n));
      await page.keyboard.press("Enter");
    };
    await filter("frame.number >= 6");
    await jump(9);
    steps["a jump under a new filter"] = await number(9);
    await filter("");
    await jump(6);
    steps["a jump behind a filter that goes"] = await number(6);
    await filter("frame.nonsense == 1");
    await jump(12);
    steps["a jump behind a refused filter"] = await number(12);

    // Answers over HTTP are late too from here on.
    await page.route(/packets\/|locate|search|stream|note$/, async (route) => {
      await sleep(late / 2);
      await route.continue();
    });
    const press = (...keys) => keys.reduce((p, k) => p.then(() => page.keyboard.press(k)), Promise.resolve());
    const appears = (selector, text) =>
      page
        .locator(selector, { hasText: text })
        .first()
        .waitFor({ timeout: 30 * late })
        .then(
          () => true,
          () => false,
        );
    await filter("frame.number >= 16");
    await press("g");
    steps["the first under a new filter"] = await number(16);
    await filter("frame.number >= 20");
    await press("j", "j", "k", "j");
    steps["moves under a new filter"] = await number(21);
    await press("j", "m");
    steps["a mark of the packet just reached"] = (await number(22)) && (await appears(".grid-row.selected .c-note", "★"));
    steps["and of no other"] = (await page.locator(".grid-row .c-note", { hasText: "★" }).count()) === 1;
    await press("m", "m", "m");
    steps["marks in order"] =
      (await page
        .waitForFunction(() => ![...document.querySelectorAll(".grid-row .c-note")].some((c) => c.textContent.includes("★")), null, {
          timeout: 30 * late,
        })
        .then(
          () => true,
          () => false,
        )) && (await number(22));
    await press("j", "c");
    steps["a comment on the packet just reached"] = await appears("#comment-title", "23");
    await press("Escape", "j", "Enter");
    steps["into the details of the packet just reached"] =
      (await number(24)) && (await page.evaluate(() => document.activeElement.dataset.pane === "tree"));
    await press("Control+f");
    await page.keyboard.type("packet 50");
    await press("Escape");
    await filter("frame.number >= 100");
    await press("n");
    steps["a search under a new filter"] = await number(500);
    await press("n", "n");
    steps["two hits further"] = await number(502);
    await press("N", "m");
    steps["a mark of a hit on its way"] = (await number(501)) && (await appears(".grid-row.selected .c-note", "★"));
    await press("]", "]");
    steps["through a flow"] = await number(501 + 2 * 128);
    await press("j", "f");
    const follows = (n) => page.locator(".talk .piece", { hasText: `#${n}` }).waitFor({ timeout: 30 * late });
    steps["the stream of the packet just reached"] = await follows(501 + 2 * 128 + 1).then(
      () => true,
      () => false,
    );
    await press("3");
    await page.waitForSelector(".flows tbody tr");
    await filter("udp");
    const flow = page.locator(".flows tbody tr .link").first();
    const wanted = await flow.getAttribute("title");
    await flow.click();
    await sleep(3 * late);
    steps["a flow chosen behind a filter"] =
      (await page.locator("#filter").inputValue()) === wanted && (await appears(".foot .shown", " ")) && (await page.locator(".field.set").count()) === 1;
    return { steps, problems };
  },
});
