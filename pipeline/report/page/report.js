"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  document.documentElement.classList.add("js");
  const byId = (id) => document.getElementById(id);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const plain = (value, digits) =>
    value === null || value === undefined ? "" : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

  // ---- charts ----

  const charts = new Map();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  function draw(id, make) {
    const canvas = byId(id);
    if (!canvas) return;
    charts.get(id)?.chart.destroy();
    charts.set(id, { make, chart: new Chart(canvas, make()) });
  }

  function redraw() {
    for (const [id, one] of charts) draw(id, one.make);
  }

  function axis(title, more = {}) {
    return {
      title: { display: Boolean(title), text: title, color: css("--faint") },
      grid: { color: css("--line") },
      border: { color: css("--line") },
      ticks: { color: css("--faint"), maxRotation: 0, autoSkipPadding: 12 },
      ...more,
    };
  }

  function base(more) {
    return {
      responsive: true,
      maintainAspectRatio: false,
      animation: still ? false : { duration: 250 },
      ...more,
    };
  }

  const msSsimDb = (value) => (value === null ? null : value >= 1 ? null : -10 * Math.log10(1 - value));

  function curves() {
    const measure = document.querySelector("input[name=measure]:checked")?.value ?? "psnr_db";
    const score = (point) => (measure === "psnr_db" ? point.psnr_db : msSsimDb(point.ms_ssim));
    const line = (one, number) => ({
      label: one.title,
      data: one.points.filter((point) => score(point) !== null).map((point) => ({ x: point.bpp, y: score(point), quality: point.quality })),
      borderColor: css(`--c${number % 4}`),
      backgroundColor: css(`--c${number % 4}`),
      borderWidth: 2,
      pointRadius: 2.5,
      pointHoverRadius: 5,
      pointStyle: ["circle", "rect", "triangle", "rectRot"][number % 4],
      tension: 0,
    });
    const sets = data.comparison.lossy.map(line);
    const ours = data.comparison.ours;
    if (ours !== null && score(ours) !== null) {
      sets.unshift({
        label: "This archive",
        data: [{ x: ours.bpp, y: score(ours) }],
        borderColor: css("--ours"),
        backgroundColor: css("--ours"),
        pointStyle: "star",
        pointRadius: 9,
        pointHoverRadius: 11,
        borderWidth: 3,
        showLine: false,
      });
    }
    const unit = measure === "psnr_db" ? "PSNR, dB" : "MS-SSIM, dB: -10 log10(1 - x)";
    return {
      type: "line",
      data: { datasets: sets },
      options: base({
        interaction: { mode: "nearest", intersect: false },
        scales: {
          x: axis("bits per pixel, logarithmic", { type: "logarithmic", ticks: { color: css("--faint"), callback: (value) => ([1, 2, 5].includes(Number(value.toExponential()[0])) && /^\de/.test(value.toExponential()) ? value : null) } }),
          y: axis(unit),
        },
        plugins: {
          legend: { position: "bottom", labels: { color: css("--ink"), usePointStyle: true, boxWidth: 10 } },
          tooltip: {
            callbacks: {
              title: () => "",
              label: (item) => `${item.dataset.label}${item.raw.quality === undefined ? "" : ` q${item.raw.quality}`}: ${plain(item.raw.x, 3)} bpp, ${plain(item.raw.y, 2)} dB`,
            },
          },
        },
      }),
    };
  }

  function bars(labels, values, { colour, xTitle, yTitle, horizontal = false, words }) {
    return {
      type: "bar",
      data: { labels, datasets: [{ data: values, backgroundColor: colour, borderRadius: 2, categoryPercentage: horizontal ? 0.85 : 1, barPercentage: horizontal ? 0.9 : 0.94 }] },
      options: base({
        indexAxis: horizontal ? "y" : "x",
        scales: horizontal
          ? { x: axis(xTitle, { beginAtZero: true }), y: axis("", { grid: { display: false }, ticks: { color: css("--ink"), autoSkip: false } }) }
          : { x: axis(xTitle, { grid: { display: false } }), y: axis(yTitle, { beginAtZero: true, ticks: { color: css("--faint"), precision: 0 } }) },
        plugins: { legend: { display: false }, tooltip: { callbacks: { label: words } } },
      }),
    };
  }

  function histogram(one) {
    const edge = (value) => value.toLocaleString("en", { maximumSignificantDigits: one.digits, useGrouping: false });
    return bars(
      one.bars.map((bar) => edge(bar.low)),
      one.bars.map((bar) => bar.images),
      {
        colour: css("--bar"),
        xTitle: one.unit,
        yTitle: "images",
        words: (item) => {
          const bar = one.bars[item.dataIndex];
          return `${edge(bar.low)} to ${edge(bar.high)}: ${plain(bar.images, 0)} images`;
        },
      },
    );
  }

  function sizes() {
    const rows = data.sizes;
    const narrow = innerWidth < 640;
    return bars(
      rows.map((row) => (narrow ? row.title.replace(" of the raw pixels", ", pixels").replace(" of the source files", ", files") : row.title)),
      rows.map((row) => row.percent),
      {
        horizontal: true,
        colour: rows.map((row) => css(row.ours ? "--ours" : "--bar")),
        xTitle: "% of raw",
        words: (item) => `${plain(item.raw, 1)} % of raw, ${plain(100 / item.raw, 2)}x smaller`,
      },
    );
  }

  function stages() {
    const names = Object.keys(data.stages);
    return bars(names, Object.values(data.stages), {
      horizontal: true,
      colour: css("--bar"),
      xTitle: "seconds",
      words: (item) => `${plain(item.raw, 1)} s`,
    });
  }

  if (data.comparison !== null && data.comparison.lossy.length) draw("curves", curves);
  if (data.sizes.length) draw("sizes", sizes);
  for (const one of data.histograms) draw(`histogram-${one.name}`, () => histogram(one));
  if (Object.keys(data.stages).length) draw("stages", stages);
  for (const input of document.querySelectorAll("input[name=measure]")) input.addEventListener("change", () => draw("curves", curves));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  matchMedia("print").addEventListener("change", redraw);

  // ---- pictures ----

  const shots = [...document.querySelectorAll(".shot")];
  const viewer = document.querySelector(".shots");
  const flip = byId("flip");

  function showPicture(number) {
    shots.forEach((shot) => shot.classList.toggle("on", shot.dataset.shot === String(number)));
    setView(document.querySelector("input[name=view]:checked").value);
  }

  function setSliders(value) {
    for (const slider of document.querySelectorAll(".shot img-comparison-slider")) slider.value = value;
  }

  function setView(view) {
    viewer.dataset.view = view;
    flip.hidden = view !== "flicker";
    flip.textContent = "Show decoded";
    setSliders(view === "flicker" ? 100 : 50);
  }

  if (viewer) {
    for (const input of document.querySelectorAll("input[name=picture]")) input.addEventListener("change", () => showPicture(input.value));
    for (const input of document.querySelectorAll("input[name=view]")) input.addEventListener("change", () => setView(input.value));
    flip.addEventListener("click", () => {
      const toDecoded = flip.textContent === "Show decoded";
      setSliders(toDecoded ? 0 : 100);
      flip.textContent = toDecoded ? "Show original" : "Show decoded";
    });
    byId("double").addEventListener("change", (event) => viewer.classList.toggle("double", event.currentTarget.checked));
    showPicture(0);
  }

  // ---- table ----

  const rows = data.images.rows.map((row, id) => Object.assign({ id }, ...data.images.columns.map((name, at) => ({ [name]: row[at] }))));
  for (const row of rows) row.pixels = row.width === null ? null : row.width * row.height;

  function keyAndReason(cell) {
    const row = cell.getRow().getData();
    const box = document.createElement("span");
    if (Object.hasOwn(data.thumbnails, row.key)) {
      const thumbnail = document.createElement("img");
      thumbnail.className = "thumbnail";
      thumbnail.src = data.thumbnails[row.key];
      thumbnail.alt = `Decoded, small: ${row.key}`;
      box.append(thumbnail);
    }
    box.append(row.key);
    if (row.reason) {
      const reason = document.createElement("span");
      reason.className = "reason";
      reason.textContent = row.reason;
      box.append(reason);
    }
    return box;
  }

  const text = (title, field, responsive, minWidth, more = {}) => ({ title, field, responsive, minWidth, sorter: "string", ...more });
  const number = (title, field, digits, responsive, minWidth, more = {}) => ({
    title, field, responsive, minWidth, hozAlign: "right", headerHozAlign: "right", sorter: "number",
    sorterParams: { alignEmptyValues: "bottom" }, headerSortStartingDir: "desc", formatter: (cell) => plain(cell.getValue(), digits), ...more,
  });
  const columns = [
    text("key", "key", 0, 150, { widthGrow: 5, cssClass: "key", formatter: keyAndReason }),
    text("status", "status", 2, 88),
    number("ratio", "ratio", 2, 0, 84),
    number("PSNR, dB", "psnr_db", 2, 0, 112),
    number("MS-SSIM", "ms_ssim", 4, 3, 104),
    number("bpp", "bpp", 3, 4, 76),
    number("payload", "payload_length", 0, 5, 102),
    number("source", "source_size", 0, 5, 102),
    text("format", "source_format", 6, 90),
    number("pixels", "pixels", 0, 7, 108, { formatter: (cell) => { const row = cell.getRow().getData(); return row.width === null ? "" : `${row.width} x ${row.height}`; } }),
    number("quality", "quality", 0, 8, 92),
  ];
  const table = new Tabulator("#table", {
    data: rows,
    columns,
    layout: "fitColumns",
    responsiveLayout: "hide",
    pagination: rows.length > 25,
    paginationSize: 25,
    paginationSizeSelector: [25, 100, 500],
    initialSort: [{ column: "psnr_db", dir: "asc" }],
    placeholder: "No image matches",
    columnDefaults: { resizable: false, tooltip: false },
  });

  function sortByKeyboard(event) {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    const field = event.currentTarget.getAttribute("tabulator-field");
    const now = table.getSorters().find((sorter) => sorter.field === field)?.dir;
    table.setSort(field, now === "asc" ? "desc" : "asc");
  }

  table.on("tableBuilt", () => {
    for (const header of document.querySelectorAll("#table .tabulator-col.tabulator-sortable")) {
      header.tabIndex = 0;
      header.addEventListener("keydown", sortByKeyboard);
    }
    seek();
  });

  const haystacks = rows.map((row) => [row.key, row.source_format, row.reason, row.codec].filter(Boolean).join("\n").toLowerCase());

  function seek() {
    const wanted = byId("search").value.trim().toLowerCase();
    const status = byId("status").value;
    table.setFilter((row) => (!status || row.status === status) && (!wanted || haystacks[row.id].includes(wanted)));
    const found = table.getDataCount("active");
    byId("found").textContent = `${plain(found, 0)} of ${plain(rows.length, 0)} rows`;
  }

  let waiting;
  byId("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(seek, 120);
  });
  byId("status").addEventListener("change", seek);
})();
