// The page Requests.

import { startFrame } from "./frame.js";

startFrame();
