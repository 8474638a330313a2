"use strict";

const file = document.getElementById("file");
const shown = document.getElementById("shown");
const answer = document.getElementById("answer");

file.addEventListener("change", async () => {
  const image = file.files[0];
  if (!image) return;
  URL.revokeObjectURL(shown.src);
  shown.src = URL.createObjectURL(image);
  shown.hidden = false;
  answer.className = "";
  answer.textContent = "…";
  try {
    const type = image.type || "application/octet-stream";
    const response = await fetch("/predict", { method: "POST", headers: { "Content-Type": type }, body: image });
    const body = await response.json();
    answer.className = response.ok ? "" : "error";
    answer.textContent = response.ok ? JSON.stringify(body, null, 2) : body.error;
  } catch {
    answer.className = "error";
    answer.textContent = "The service cannot be reached.";
  }
});
