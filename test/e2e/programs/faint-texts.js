/** Runs in the page, as an expression: texts with less contrast to what is behind them than WCAG 2.2 AA asks for (1.4.3). */
(() => {
  const channels = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);

  function luminance(color) {
    const [red, green, blue] = color.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function groundOf(element) {
    if (element === null) return [255, 255, 255];
    const color = channels(getComputedStyle(element).backgroundColor);
    return color[3] === 0 ? groundOf(element.parentElement) : color;
  }

  function contrastOf(element) {
    const text = luminance(channels(getComputedStyle(element).color).slice(0, 3));
    const ground = luminance(groundOf(element).slice(0, 3));
    return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
  }

  const hasText = (element) =>
    [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== "",
    );
  return [...document.querySelectorAll("body *")]
    .filter((element) => hasText(element) && element.checkVisibility() && contrastOf(element) < 4.5)
    .map((element) => `${element.className} ${element.textContent} ${contrastOf(element).toFixed(1)}`);
})();
