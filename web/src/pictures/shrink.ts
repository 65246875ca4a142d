// Makes a smaller copy of a picture that the service refuses as too large.

/** The longest edge of the copy in pixels; the model reads a far smaller square. */
const EDGE_PX = 1200;

/** Return a JPEG copy of a picture; throw if the browser cannot read the picture. */
export async function shrink(picture: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(picture, { imageOrientation: "from-image" });
  const scale = Math.min(1, EDGE_PX / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser has no canvas");
  // Transparent pixels become white, as they do in the service.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the copy failed"))), "image/jpeg", 0.9);
  });
}
