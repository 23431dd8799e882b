// The header: capturing is stopped and started, and the outputs say how they are doing.

export default ({ page, problems, sleep, open }) => ({
  async capturing() {
    await open();
    const steps = {};
    const button = page.locator(".capturing");
    const state = page.locator(".what .state");
    const says = async (locator, text) =>
      locator
        .filter({ hasText: text })
        .waitFor({ timeout: 15_000 })
        .then(
          () => true,
          () => false,
        );
    const packets = () => page.evaluate(() => Number(document.querySelector(".foot b").textContent.replaceAll(/\D/g, "")));
    // Until two looks half a second apart are equal, or are not.
    const settles = async (still) => {
      for (let i = 0; i < 30; i++) {
        const before = await packets();
        await sleep(500);
        if (((await packets()) === before) === still) return true;
      }
      return false;
    };
    steps["it runs"] = (await says(state, "live")) && (await says(button, "Stop"));
    await button.click();
    steps["it is stopped"] = (await says(state, "stopped")) && (await says(button, "Start"));
    steps["no packets come"] = await settles(true);
    steps["since when"] = (await state.getAttribute("title"))?.startsWith("Capturing has been stopped since ");
    await button.focus();
    await page.keyboard.press("Enter");
    steps["it is started"] = (await says(state, "live")) && (await says(button, "Stop"));
    steps["packets come"] = await settles(false);
    await page.locator("button.lang").click();
    await button.click();
    steps["in Portuguese"] = (await says(state, "parada")) && (await says(button, "Iniciar"));
    return { steps, problems };
  },

  async outputs() {
    await open();
    await page.locator(".output").nth(3).waitFor({ timeout: 15_000 });
    const outputs = await page.locator(".output").evaluateAll((list) =>
      list.map((e) => {
        const box = e.getBoundingClientRect();
        return {
          text: e.innerText,
          title: e.title,
          colour: getComputedStyle(e.querySelector("i")).color,
          inside: box.left >= 0 && box.right <= innerWidth && box.width > 0,
        };
      }),
    );
    // Whatever the window's width and the language, the header fits, and so does the rest.
    const wide = [];
    for (const language of ["EN", "PT"]) {
      for (const width of [1280, 1000, 640]) {
        await page.setViewportSize({ width, height: 720 });
        await sleep(300);
        const out = await page.evaluate(() => {
          const over = [...document.querySelectorAll("#app > *, .top, .top > *, .filterbar, .toolbar")]
            .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
            .map((e) => e.className);
          const close = document.querySelector(".close").getBoundingClientRect();
          if (close.right > innerWidth || close.width === 0) over.push("the button Close");
          if (document.querySelector(".capturing").getBoundingClientRect().right > innerWidth) over.push("the button Stop");
          return over;
        });
        for (const o of out) wide.push(`${language}, ${width} pixels: too wide: ${o}`);
      }
      await page.locator("button.lang").click();
    }
    // The feed knows no names.
    return { outputs, wide, problems: problems.filter((p) => !p.includes("status of 501")) };
  },
});
